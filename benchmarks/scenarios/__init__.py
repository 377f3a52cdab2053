"""Figures that a table of workloads does not show: pauses, many connections, hostile clients.

    python -m benchmarks.scenarios expiry         1,000,000 keys expire within a second; another client pings
    python -m benchmarks.scenarios connections    10,000 connections at once, each answered
    python -m benchmarks.scenarios hostile        clients that never read, trickle, announce 2 GB or flood
    python -m benchmarks.scenarios tls            what encryption and handshakes cost; a storm of handshakes
    python -m benchmarks.scenarios metrics        what a monitoring system costs that scrapes every second
    python -m benchmarks.scenarios all

    python -m benchmarks.scenarios active         10,000 connections that all send, beside redis-server
    python -m benchmarks.scenarios latency        a minute of load from outside, a snapshot and a rewrite meanwhile
    python -m benchmarks.scenarios ten-million    10^4 to 10^7 keys: memory, CPU, saving, loading
    python -m benchmarks.scenarios soak           ten minutes of everything, and what is left behind

PYREDIS_TEST_COMMAND chooses the server, `.venv/bin/pyredis` for the compiled form; `--redis` measures redis-server.
Those from active to ten-million measure both, write benchmarks/results/NAME.md and their part of docs/benchmarks.md;
soak writes its page only. None of them is in `all`.
"""
