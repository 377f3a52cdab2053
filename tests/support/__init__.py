"""What the tests stand on: server processes, a raw RESP client, recorded transcripts.

Nothing here imports pyredis. A mistake in the server must not be able to hide
behind the same mistake in the code that checks it.
"""
