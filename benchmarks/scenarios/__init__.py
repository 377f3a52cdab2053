"""Figures that a table of workloads does not show: pauses, many connections, hostile clients.

    python -m benchmarks.scenarios expiry         1,000,000 keys expire within a second; another client pings
    python -m benchmarks.scenarios connections    10,000 connections at once, each answered
    python -m benchmarks.scenarios hostile        clients that never read, trickle, announce 2 GB or flood
    python -m benchmarks.scenarios all

PYREDIS_TEST_COMMAND chooses the server, `.venv/bin/pyredis` for the compiled form; `--redis` measures redis-server.
"""
