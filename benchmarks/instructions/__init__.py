"""How many instructions a command takes, compared with a committed baseline: `python -m benchmarks.instructions`.

Times differ from run to run and from machine to machine. Instructions, counted by valgrind's callgrind, do not, once
everything else that could differ is held still: the server is played to in its own process, without sockets, one
client after the other; its clock moves with every look at it (`steady.c`); Python's and our own seeds are fixed.

    workloads     the commands, as data
    player        runs inside callgrind: the server, and the bytes that it is fed
    steady.c      the clock, and the marks between which callgrind counts
    counting      starts callgrind and reads what it found
    baseline      what is compared, the margins, the file
"""
