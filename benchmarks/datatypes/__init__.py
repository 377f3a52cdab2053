"""The data types beside redis-server: time per command, memory, blocked clients, growth with size.

    python -m benchmarks.datatypes cpu --command "pyredis --port {port}"

Four measurements (`cpu`, `memory`, `blocking`, `growth`), each a module here, each a table in
`benchmarks/results`. Both servers run in turns, pinned to one core, the load on another; what counts is the
processor time of the server.
"""
