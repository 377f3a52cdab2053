"""What tells about the server at work, SLOWLOG and LATENCY, and what it has not: modules and a cluster."""

from __future__ import annotations

from hypothesis import strategies as st

Argv = list[bytes]

COUNTS = st.sampled_from([b"0", b"1", b"-1", b"-2", b"10", b"x", b"", b"9223372036854775807", b"1.5"])
EVENTS = st.sampled_from([b"command", b"fast-command", b"nosuch", b"", b"a\x00b"])
NODE = st.sampled_from([b"0" * 40, b"x", b"1"])


def commands() -> st.SearchStrategy[Argv]:
    """One random request."""
    return st.one_of(
        COUNTS.map(lambda count: [b"SLOWLOG", b"GET", count]),
        st.sampled_from(
            [
                [b"SLOWLOG"], [b"SLOWLOG", b"RESET"], [b"SLOWLOG", b"HELP"], [b"slowlog", b"get", b"1", b"2"],
                [b"SLOWLOG", b"NOSUCH"], [b"LATENCY"], [b"LATENCY", b"HELP"], [b"LATENCY", b"LATEST"],
                [b"LATENCY", b"RESET"], [b"LATENCY", b"NOSUCH"], [b"LATENCY", b"HISTOGRAM", b"nosuch"],
            ]
        ),
        st.tuples(st.sampled_from([b"HISTORY", b"GRAPH", b"RESET", b"graph"]), EVENTS).map(
            lambda pair: [b"LATENCY", *pair]
        ),
        st.lists(EVENTS, max_size=3).map(lambda events: [b"LATENCY", b"RESET", *events]),
        st.sampled_from(
            [
                [b"MODULE", b"LIST"], [b"MODULE", b"HELP"], [b"MODULE", b"LOAD", b"/nosuch"], [b"MODULE"],
                [b"MODULE", b"UNLOAD", b"nosuch"], [b"MODULE", b"LOADEX", b"/nosuch", b"ARGS", b"a"],
                [b"READONLY"], [b"READWRITE"], [b"ASKING"], [b"CLUSTER"], [b"CLUSTER", b"NOSUCH"],
                [b"CLUSTER", b"INFO"], [b"CLUSTER", b"HELP"], [b"CLUSTER", b"KEYSLOT", b"a"],
                [b"CLUSTER", b"ADDSLOTS", b"1"], [b"CLUSTER", b"SLOTS"], [b"CLUSTER", b"RESET", b"HARD"],
            ]
        ),
        st.tuples(st.sampled_from([b"FORGET", b"REPLICATE", b"REPLICAS", b"MEET", b"SETSLOT"]), NODE).map(
            lambda pair: [b"CLUSTER", *pair]
        ),
    )  # fmt: skip
