"""The line that describes a client: CLIENT LIST, CLIENT INFO and the log.

Fields, order and letters are those of Redis 7.4 (`catClientInfoString` in networking.c). Some describe
buffers that a Redis client has and ours has not: there is no reply buffer to grow and shrink (`rbs` and `rbp`
are 0) and no room kept for requests in advance (`qbuf-free` is 0).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis.engine.context import GATE_MONITOR, Context

if TYPE_CHECKING:
    from mypy_extensions import i64


def client_line(ctx: Context, running: list[bytes] | None = None) -> bytes:
    """One client in `name=value` fields, without a line end.

    `running` is the request by which a client asks about itself.
    """
    engine = ctx.engine
    now_ms: i64 = engine.clock.now_ms
    queue = ctx.queue
    query_bytes, room = ctx.query_buffer()
    messages, pending = ctx.output_buffer()
    argv_bytes = ctx.argv_bytes() if running is None else sum(map(len, running))
    watched = len(ctx.watch.keys)
    command = ctx.last_command
    fields: list[bytes] = [
        b"id=%d" % ctx.client_id,
        b"addr=" + ctx.address.encode("utf-8", "surrogateescape"),
        b"laddr=" + ctx.local_address.encode("utf-8", "surrogateescape"),
        b"fd=%d" % ctx.fd,
        b"name=" + ctx.name.split(b"\0")[0],
        b"age=%d" % (now_ms // 1000 - ctx.created_ms // 1000),
        b"idle=%d" % (now_ms // 1000 - ctx.active_ms // 1000),
        b"flags=" + client_flags(ctx),
        b"db=%d" % ctx.db.index,
        b"sub=%d" % len(ctx.channels),
        b"psub=%d" % len(ctx.patterns),
        b"ssub=%d" % len(ctx.shard_channels),
        b"multi=%d" % (-1 if queue is None else len(queue)),
        b"watch=%d" % watched,
        b"qbuf=%d" % query_bytes,
        b"qbuf-free=%d" % room,
        b"argv-mem=%d" % argv_bytes,
        b"multi-mem=%d" % ctx.queued_memory(),
        b"rbs=0",
        b"rbp=0",
        b"obl=0",
        b"oll=%d" % messages,
        b"omem=%d" % pending,
        b"tot-mem=%d" % (ctx.memory() - ctx.argv_bytes() + argv_bytes),
        b"events=" + (b"rw" if pending else b"r"),
        b"cmd=" + (b"NULL" if command is None else command.full_name),
        b"user=" + ctx.user.name,
        b"redir=%d" % (-1 if ctx.tracking is None else ctx.tracking.redirect),
        b"resp=3" if ctx.resp3 else b"resp=2",
        b"lib-name=" + ctx.lib_name.split(b"\0")[0],
        b"lib-ver=" + ctx.lib_version.split(b"\0")[0],
    ]
    return b" ".join(fields)


def client_flags(ctx: Context) -> bytes:
    """The letters of the states that a client is in, `N` for none of them."""
    letters = b""
    tracking = ctx.tracking
    if ctx.gates & GATE_MONITOR:
        letters += b"O"
    if ctx.is_subscriber():
        letters += b"P"
    if ctx.queue is not None:
        letters += b"x"
    if ctx.is_blocked:
        letters += b"b"
    if tracking is not None:
        letters += b"t"
        if tracking.is_broken:
            letters += b"R"
        if tracking.is_broadcast:
            letters += b"B"
    if ctx.watch.dirty:
        letters += b"d"
    if ctx.closing:
        letters += b"c"
    if ctx.is_unblocked:
        letters += b"u"
    if ctx.is_unix:
        letters += b"U"
    if ctx.no_evict:
        letters += b"e"
    if ctx.no_touch:
        letters += b"T"
    return letters or b"N"
