"""Compares pyredis with redis-server, and optionally with peers, in one run on one machine.

Run it with `python -m benchmarks.compare --help`. The servers take turns (A B A B)
so that a machine that warms up, slows down or is shared troubles both alike, and
every ratio is taken between neighbours before the median of the rounds is.

    workloads     the core and redis-benchmark's list, declared as data
    situations    the rest: mixes, sizes, scripts, queues, streams, what features cost
    traffic       loads of our own, for what redis-benchmark cannot send
    contenders    which servers take part, and how each is started
    load          one redis-benchmark run and what it printed
    clock         the CPU time that a server has spent
    measure       rounds of load, with the CPU time that the server spent on them
    footprint     start-up time, idle memory, bytes per key
    record        what a run found, written as JSON and read again
    report        tables in Markdown, and the pages that quote them, made from the record
    chart         the SVG
"""
