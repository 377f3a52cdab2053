"""Publish and subscribe. Few names, so that clients meet; several patterns may match the same channel."""

from __future__ import annotations

from hypothesis import strategies as st

Argv = list[bytes]

CHANNELS = [b"a", b"ab", b"b", b"", b"k1"]
PATTERNS = [b"*", b"a*", b"?", b"[ab]", b"", b"\\a", b"a"]

channels = st.sampled_from(CHANNELS)
patterns = st.sampled_from(PATTERNS)
messages = st.one_of(st.sampled_from([b"", b"message", b"\r\n"]), st.binary(max_size=30))


def _subscriptions(name: bytes, of: st.SearchStrategy[bytes]) -> st.SearchStrategy[Argv]:
    """The command with none, one or a few names. Leaving all of several has no order, so it names them."""
    fewest = 1 if b"UN" in name else 0
    return st.lists(of, min_size=fewest, max_size=3).map(lambda chosen: [name, *chosen])


def commands() -> st.SearchStrategy[Argv]:
    """One command of the group, right or wrong."""
    return st.one_of(
        _subscriptions(b"SUBSCRIBE", channels),
        _subscriptions(b"UNSUBSCRIBE", channels),
        _subscriptions(b"PSUBSCRIBE", patterns),
        _subscriptions(b"PUNSUBSCRIBE", patterns),
        _subscriptions(b"SSUBSCRIBE", channels),
        _subscriptions(b"SUNSUBSCRIBE", channels),
        st.tuples(st.sampled_from([b"PUBLISH", b"PUBLISH", b"SPUBLISH"]), channels, messages).map(list),
        st.tuples(st.sampled_from([b"PUBLISH", b"SPUBLISH"]), channels).map(list),
        st.tuples(
            st.just(b"PUBSUB"),
            st.sampled_from(
                [b"CHANNELS", b"NUMSUB", b"NUMPAT", b"SHARDCHANNELS", b"shardnumsub", b"HELP", b"NOSUCH"]
            ),
        ).map(list),
        st.lists(st.one_of(channels, patterns), max_size=3).map(lambda names: [b"PUBSUB", b"NUMSUB", *names]),
        st.lists(channels, max_size=3).map(lambda names: [b"PUBSUB", b"SHARDNUMSUB", *names]),
        st.lists(patterns, max_size=2).map(lambda names: [b"PUBSUB", b"CHANNELS", *names]),
        st.lists(patterns, max_size=2).map(lambda names: [b"PUBSUB", b"SHARDCHANNELS", *names]),
        st.just([b"PUBSUB"]),
    )
