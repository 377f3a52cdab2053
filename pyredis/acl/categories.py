"""The categories of commands, as ACL rules, ACL CAT and COMMAND INFO name them."""

from __future__ import annotations

from typing import Final

from pyredis.engine.command import ADMIN, BLOCKING, FAST, PUBSUB, READONLY, WRITE, CommandSpec

ACL_CATEGORIES: Final = (
    "keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap", "hyperloglog", "geo",
    "stream", "pubsub", "admin", "fast", "slow", "blocking", "dangerous", "connection", "transaction", "scripting",
)  # fmt: skip
"""Every category, in the order in which COMMAND INFO and ACL CAT list them."""


def acl_categories(spec: CommandSpec) -> list[str]:
    """All categories of a command: the declared ones and those that its flags imply, in Redis's order."""
    names = set(spec.acl)
    if spec.flags & WRITE:
        names.add("write")
    if spec.flags & READONLY and "scripting" not in names:
        names.add("read")
    if spec.flags & ADMIN:
        names |= {"admin", "dangerous"}
    if spec.flags & PUBSUB:
        names.add("pubsub")
    if spec.flags & BLOCKING:
        names.add("blocking")
    names.add("fast" if spec.flags & FAST else "slow")
    return [name for name in ACL_CATEGORIES if name in names]
