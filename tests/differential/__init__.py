"""Random commands, sent to pyredis and to a real redis-server alike, must be answered with the same bytes.

`gen_*.py` say what may be sent, one module for a group of commands; `programs` strings commands together into
pipelines and transactions of several clients; `peers` are the two servers; `machine` runs a program on both,
compares, and shrinks what differs; `normalise` knows the replies that no two servers could agree on, and what
Redis 7.4 changed after the 7.0 that serves as the oracle.

    python -m tests.differential --commands 50000 --seed 1
"""
