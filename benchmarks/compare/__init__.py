"""Compares pyredis with redis-server, and optionally with peers, in one run on one machine.

Run it with `python -m benchmarks.compare --help`. The servers take turns (A B A B)
so that a machine that warms up, slows down or is shared troubles both alike, and
every ratio is taken between neighbours before the median of the rounds is.

    workloads     what is measured, declared as data
    contenders    which servers take part, and how each is started
    load          one redis-benchmark run and what it printed
    measure       rounds of load, with the CPU time that the server spent on them
    footprint     start-up time, idle memory, bytes per key
    report        the JSON record and the Markdown table
    chart         the SVG
"""
