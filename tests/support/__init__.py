"""What the tests stand on: server processes, a raw RESP client, recorded transcripts.

Apart from `inprocess`, which is the server without its sockets, nothing here
imports pyredis. A mistake in the server must not be able to hide behind the
same mistake in the code that checks it.
"""
