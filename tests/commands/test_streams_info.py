"""XINFO, in process."""

from __future__ import annotations

import pytest

from tests.commands.test_streams import NO_KEY, NOT_AN_INTEGER, WRONG_TYPE, array, bulk, holding
from tests.commands.test_streams_groups import delivered
from tests.commands.test_streams_reads import NOW, grouped
from tests.support.wire import Tree, decode

NULL = ("null", "$")
"""A null of RESP2, decoded."""


def facts(reply: bytes) -> dict[bytes, Tree]:
    """A RESP2 map."""
    tree = decode(reply)
    assert isinstance(tree, list)
    return as_map(tree)


def as_map(tree: Tree) -> dict[bytes, Tree]:
    assert isinstance(tree, list)
    return {name: value for name, value in zip(tree[::2], tree[1::2], strict=True) if isinstance(name, bytes)}


def wrong() -> bytes:
    return b"-ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP.\r\n"


class TestStream:
    def test_the_short_form(self) -> None:
        server = holding("1", "2", "3", "4", node_entries=2)
        server.run("XDEL s 2")
        server.run("XGROUP CREATE s g 0")
        assert facts(server.run("XINFO STREAM s")) == {
            b"length": 3, b"radix-tree-keys": 2, b"radix-tree-nodes": 6, b"last-generated-id": b"4-0",
            b"max-deleted-entry-id": b"2-0", b"entries-added": 4, b"recorded-first-entry-id": b"1-0", b"groups": 1,
            b"first-entry": [b"1-0", [b"f", b"v"]], b"last-entry": [b"4-0", [b"f", b"v"]],
        }  # fmt: skip

    def test_numbers_beyond_63_bits(self) -> None:
        server = grouped("1")
        server.run("XSETID s 1 ENTRIESADDED 9223372036854775807")
        server.run("XGROUP SETID s g 1 ENTRIESREAD 9223372036854775807")
        server.run("XADD s 2 f v")
        assert facts(server.run("XINFO STREAM s"))[b"entries-added"] == -(1 << 63)
        server.run("XREADGROUP GROUP g c STREAMS s >")
        assert server.logged()[-1].endswith("ENTRIESREAD 9223372036854775807")
        server.run("XCLAIM s g c 0 2 RETRYCOUNT 9223372036854775807")
        server.run("XCLAIM s g c 0 2")
        assert server.run("XPENDING s g - + 1").endswith(b":-9223372036854775808\r\n")

    def test_an_empty_stream(self) -> None:
        server = holding("5-1")
        server.run("XDEL s 5-1")
        assert facts(server.run("XINFO STREAM s")) == {
            b"length": 0, b"radix-tree-keys": 0, b"radix-tree-nodes": 1, b"last-generated-id": b"5-1",
            b"max-deleted-entry-id": b"5-1", b"entries-added": 1, b"recorded-first-entry-id": b"0-0", b"groups": 0,
            b"first-entry": NULL, b"last-entry": NULL,
        }  # fmt: skip

    def test_the_full_form(self) -> None:
        server = delivered("1", "2", "3")
        server.clock.advance(40)
        server.run("XCLAIM s g a 0 2")
        full = facts(server.run("XINFO STREAM s FULL COUNT 2"))
        assert full[b"entries"] == [[b"1-0", [b"f", b"v"]], [b"2-0", [b"f", b"v"]]]
        groups = full[b"groups"]
        assert isinstance(groups, list)
        group = as_map(groups[0])
        consumers = group.pop(b"consumers")
        assert group == {
            b"name": b"g", b"last-delivered-id": b"3-0", b"entries-read": 3, b"lag": 0, b"pel-count": 3,
            b"pending": [[b"1-0", b"c", NOW, 1], [b"2-0", b"a", NOW + 40, 2]],
        }  # fmt: skip
        assert isinstance(consumers, list)
        assert [as_map(consumer) for consumer in consumers] == [
            {b"name": b"a", b"seen-time": NOW + 40, b"active-time": NOW + 40, b"pel-count": 1,
             b"pending": [[b"2-0", NOW + 40, 2]]},
            {b"name": b"c", b"seen-time": NOW, b"active-time": NOW, b"pel-count": 2,
             b"pending": [[b"1-0", NOW, 1], [b"3-0", NOW, 1]]},
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("count", "shown"), [("", 10), ("COUNT 0", 12), ("COUNT -1", 10), ("COUNT 99", 12)]
    )
    def test_how_many_entries(self, count: str, shown: int) -> None:
        server = delivered(*(str(number) for number in range(1, 13)))
        full = facts(server.run(f"XINFO STREAM s FULL {count}"))
        entries, groups = full[b"entries"], full[b"groups"]
        assert isinstance(entries, list)
        assert isinstance(groups, list)
        pending = as_map(groups[0])[b"pending"]
        assert isinstance(pending, list)
        assert (len(entries), len(pending)) == (shown, shown)

    def test_a_lag_may_be_negative(self) -> None:
        server = delivered("1")
        server.run("XGROUP SETID s g 1-0 ENTRIESREAD 2")
        assert server.run("XINFO GROUPS s").endswith(bulk("lag") + b":-1\r\n")

    def test_resp3_has_maps(self) -> None:
        server = delivered("1", protocol=3)
        assert server.run("XINFO STREAM s").startswith(b"%10\r\n")
        assert server.run("XINFO STREAM s FULL").startswith(b"%9\r\n")
        assert server.run("XINFO GROUPS s").startswith(b"*1\r\n%6\r\n")
        assert server.run("XINFO CONSUMERS s g").startswith(b"*1\r\n%4\r\n")
        server.run("XGROUP SETID s g 0-1")
        server.run("XADD s 2 f v")
        server.run("XADD s 3 f v")
        server.run("XDEL s 2")
        assert server.run("XINFO GROUPS s").endswith(b"entries-read\r\n_\r\n" + bulk("lag") + b"_\r\n")

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ("none", NO_KEY), ("t", WRONG_TYPE), ("s x", wrong()), ("s FULL COUNT", wrong()),
            ("s FULL x 5", wrong()),
            ("s FULL COUNT x", NOT_AN_INTEGER), ("s FULL COUNT 1 2", wrong()),
        ],
    )  # fmt: skip
    def test_errors(self, arguments: str, error: bytes) -> None:
        assert holding("1").run(f"XINFO STREAM {arguments}") == error


class TestGroups:
    def test_in_the_order_of_their_names(self) -> None:
        server = holding("1", "2", "3")
        assert server.run("XINFO GROUPS s") == array()
        for name in ("b", "a"):
            server.run(f"XGROUP CREATE s {name} 0")
        server.run("XREADGROUP GROUP a c COUNT 2 STREAMS s >")
        groups = decode(server.run("XINFO GROUPS s"))
        assert isinstance(groups, list)
        assert [as_map(group) for group in groups] == [
            {b"name": b"a", b"consumers": 1, b"pending": 2, b"last-delivered-id": b"2-0",
             b"entries-read": 2, b"lag": 1},
            {b"name": b"b", b"consumers": 0, b"pending": 0, b"last-delivered-id": b"0-0",
             b"entries-read": NULL, b"lag": 3},
        ]  # fmt: skip

    def test_errors(self) -> None:
        assert holding().run("XINFO GROUPS s") == NO_KEY
        assert holding().run("XINFO GROUPS t") == WRONG_TYPE


class TestConsumers:
    def test_attempts_and_successes(self) -> None:
        """`idle` counts from the last attempt, `inactive` from the last one that brought something."""
        server = grouped("1")
        server.run("XGROUP CREATECONSUMER s g b")
        server.run("XREADGROUP GROUP g a STREAMS s >")
        server.clock.advance(30)
        server.run("XREADGROUP GROUP g a STREAMS s >")
        server.clock.advance(5)
        consumers = decode(server.run("XINFO CONSUMERS s g"))
        assert isinstance(consumers, list)
        assert [as_map(consumer) for consumer in consumers] == [
            {b"name": b"a", b"pending": 1, b"idle": 5, b"inactive": 35},
            {b"name": b"b", b"pending": 0, b"idle": 35, b"inactive": -1},
        ]

    def test_errors(self) -> None:
        server = grouped()
        assert (
            server.run("XINFO CONSUMERS s h") == b"-NOGROUP No such consumer group 'h' for key name 's'\r\n"
        )
        assert server.run("XINFO CONSUMERS none g") == NO_KEY

    def test_help(self) -> None:
        assert grouped().run("XINFO HELP").startswith(b"*9\r\n+XINFO <subcommand> ")
