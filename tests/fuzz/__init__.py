"""Hostile input: whatever bytes arrive, the server answers valid RESP, closes as documented, or waits for
more.

`inputs` makes the bytes from a seed; `harness` feeds them to sessions of one engine in this process and
checks what must hold after each; `live` sends them to a running server and watches its memory.

    python -m tests.fuzz --inputs 1000000 --seed 1
"""
