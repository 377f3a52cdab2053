"""The stream beside a model of plain lists, with nodes of so few entries that they come and go all the time."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pyredis.datatypes.digest import Digest
from pyredis.datatypes.stream import UNKNOWN, Stream, StreamCursor, StreamLimits
from pyredis.datatypes.stream_groups import Group
from pyredis.datatypes.stream_ids import ID_MAX, PART_MAX, id_ms, id_seq, join_id
from pyredis.datatypes.stream_node import StreamNode, node_from_listpack

IDS = st.one_of(
    st.integers(0, 40).map(lambda ms: join_id(ms, 0)),
    st.tuples(st.integers(0, 30), st.integers(0, 5)).map(lambda parts: join_id(*parts)),
    st.sampled_from([0, ID_MAX, join_id(PART_MAX, 0)]),
)
WORDS = st.one_of(st.sampled_from([b"f", b"g", b"1", b"-77", b"5000", b"v" * 70]), st.binary(max_size=4))
CONTENTS = st.one_of(
    st.tuples(WORDS).map(lambda values: [b"f", values[0]]),
    st.tuples(WORDS, WORDS).map(lambda values: [b"f", values[0], b"g", values[1]]),
    st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=3).map(
        lambda pairs: [word for pair in pairs for word in pair]
    ),
)


class Entry(NamedTuple):
    entry_id: int
    content: list[bytes]
    is_deleted: bool


def append(stream: Stream, entry_id: int, content: list[bytes], limits: StreamLimits) -> None:
    argv = [b"XADD", b"key", b"*", *content]
    stream.add(id_ms(entry_id), id_seq(entry_id), argv, 3, sum(map(len, content)), limits)


def entries(
    stream: Stream, start: int = 0, end: int = ID_MAX, is_reverse: bool = False
) -> list[tuple[int, list[bytes]]]:
    cursor = StreamCursor(stream, start, end, is_reverse)
    found = []
    while cursor.advance():
        found.append((cursor.entry_id(), cursor.node().content(cursor.index)))
    return found


class StreamMachine(RuleBasedStateMachine):
    """Each node of the model is a list of entries, deleted ones included, of at most `size`."""

    @initialize(size=st.integers(1, 4))
    def start(self, size: int) -> None:
        self.stream = Stream()
        self.size = size
        self.limits = StreamLimits(0, size)
        self.nodes: list[list[Entry]] = []
        self.last = 0
        self.added = 0
        self.max_deleted = 0

    def live(self) -> list[tuple[int, list[bytes]]]:
        return [
            (entry.entry_id, entry.content) for node in self.nodes for entry in node if not entry.is_deleted
        ]

    @rule(gaps=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), CONTENTS), min_size=1, max_size=6))
    def add(self, gaps: list[tuple[int, int, list[bytes]]]) -> None:
        for ms, seq, content in gaps:
            self.last = join_id(id_ms(self.last) + ms, seq) if ms else self.last + 1 + seq
            self.added += 1
            append(self.stream, self.last, content, self.limits)
            if not self.nodes or len(self.nodes[-1]) >= self.size:
                self.nodes.append([])
            self.nodes[-1].append(Entry(self.last, content, False))

    @rule(ids=st.lists(IDS, max_size=8))
    def delete(self, ids: list[int]) -> None:
        for entry_id in ids:
            was_there = False
            for node in self.nodes:
                for place, entry in enumerate(node):
                    if entry.entry_id == entry_id and not entry.is_deleted:
                        node[place] = entry._replace(is_deleted=True)
                        was_there = True
                        self.max_deleted = max(self.max_deleted, entry_id)
                        if all(entry.is_deleted for entry in node):
                            self.nodes = [other for other in self.nodes if other is not node]
                        break
            assert self.stream.delete(entry_id) == was_there
        self.stream.find_first()

    @rule(maximum=st.integers(0, 12), is_approximate=st.booleans(), limit=st.sampled_from([0, 0, 1, 3, 100]))
    def trim_length(self, maximum: int, is_approximate: bool, limit: int) -> None:
        before = len(self.live())
        removed = self.stream.trim_length(maximum, is_approximate, limit)
        done = 0
        while self.nodes and len(self.live()) > maximum:
            inside = sum(not entry.is_deleted for entry in self.nodes[0])
            if limit and done + inside > limit:
                break
            if len(self.live()) - inside < maximum:
                for place, entry in enumerate(self.nodes[0]):
                    if not is_approximate and len(self.live()) > maximum:
                        self.nodes[0][place] = entry._replace(is_deleted=True)
                break
            done += inside
            del self.nodes[0]
        assert removed == before - len(self.live())

    @rule(minimum=IDS, is_approximate=st.booleans(), limit=st.sampled_from([0, 0, 1, 3, 100]))
    def trim_before(self, minimum: int, is_approximate: bool, limit: int) -> None:
        before = len(self.live())
        removed = self.stream.trim_before(minimum, is_approximate, limit)
        done = 0
        while self.nodes:
            inside = sum(not entry.is_deleted for entry in self.nodes[0])
            if limit and done + inside > limit:
                break
            if self.nodes[0][-1].entry_id >= minimum:
                for place, entry in enumerate(self.nodes[0]):
                    if not is_approximate and entry.entry_id < minimum:
                        self.nodes[0][place] = entry._replace(is_deleted=True)
                break
            done += inside
            del self.nodes[0]
        assert removed == before - len(self.live())

    @rule(start=IDS, end=IDS)
    def read(self, start: int, end: int) -> None:
        wanted = [entry for entry in self.live() if start <= entry[0] <= end]
        assert entries(self.stream, start, end) == wanted
        assert entries(self.stream, start, end, True) == wanted[::-1]

    @rule(entry_id=IDS)
    def ask(self, entry_id: int) -> None:
        ids = [there for there, _ in self.live()]
        assert self.stream.has(entry_id) == (entry_id in ids)
        assert self.stream.has_after(entry_id) == any(there > entry_id for there in ids)

    @rule()
    def copy(self) -> None:
        twin = self.stream.copy()
        append(self.stream.copy(), self.stream.last_id() + 1, [b"x", b"y"], self.limits)
        self.stream.trim_length(0, False, 0)
        assert self.stream.size() == 0
        self.stream = twin

    @rule()
    def save_and_load(self) -> None:
        loaded = Stream()
        for node in self.stream.nodes:
            loaded.append_node(node_from_listpack(node.master_id(), node.listpack()))
        for name in ("length", "first_id", "last_ms", "last_seq", "max_deleted_id", "entries_added"):
            setattr(loaded, name, getattr(self.stream, name))
        self.stream = loaded

    @invariant()
    def agrees(self) -> None:
        stream = self.stream
        stream.check()
        assert entries(stream) == self.live()
        assert [node.count() for node in stream.nodes] == [len(node) for node in self.nodes]
        assert (stream.size(), stream.entries_added) == (len(self.live()), self.added)
        assert (stream.last_id(), stream.max_deleted_id) == (self.last, self.max_deleted)
        if self.live():
            assert stream.first_id == self.live()[0][0]
            assert stream.edge_id(True) == self.live()[-1][0]


TestStreamMachine = StreamMachine.TestCase
TestStreamMachine.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)


def filled(ids: list[int], limits: StreamLimits | None = None) -> Stream:
    stream = Stream()
    for entry_id in ids:
        append(stream, entry_id, [b"f", b"v"], limits or StreamLimits())
    return stream


@given(st.lists(st.integers(1, ID_MAX), min_size=1, max_size=20, unique=True))
def test_any_ids(ids: list[int]) -> None:
    """Differences between IDs do not fit 64 bits with a sign."""
    ids.sort()
    stream = filled(ids)
    stream.check()
    assert [entry_id for entry_id, _ in entries(stream)] == ids
    for entry_id in ids:
        assert stream.has(entry_id)
        assert entry_id == ID_MAX or stream.has(entry_id + 1) == (entry_id + 1 in ids)


@given(st.sets(st.integers(1, ID_MAX), max_size=12))
def test_the_size_of_the_radix_tree(ids: set[int]) -> None:
    """Counted beside a trie of all bytes, of which runs without a fork are one node."""
    stream = filled(sorted(ids), StreamLimits(4096, 1))
    keys = [entry_id.to_bytes(16, "big") for entry_id in sorted(ids)]
    paths = {key[:depth] for key in keys for depth in range(17)}
    children = {path: {key[: len(path) + 1] for key in keys if key.startswith(path)} for path in paths}
    nodes = len(keys) or 1
    for path in paths:
        if len(path) == 16:
            continue
        is_fork = len(children[path]) > 1
        is_start = not path or len(children[path[:-1]]) > 1
        nodes += is_fork or is_start
    assert stream.tree_size() == nodes


def test_a_node_is_full_by_bytes() -> None:
    stream = Stream()
    for number in range(1, 100):
        append(stream, number, [b"field", b"v" * 40], StreamLimits(200, 0))
    assert all(node.size() + 45 >= 200 for node in stream.nodes[:-1])
    assert all(node.count() == stream.nodes[0].count() for node in stream.nodes[:-1])
    stream.check()


def test_limits_beyond_what_a_listpack_holds() -> None:
    assert StreamLimits(0, 0).bytes == StreamLimits(1 << 40, 0).bytes == 1 << 30


def test_the_first_entry_behind_a_node_of_tombstones() -> None:
    stream = filled([1, 2, 3], StreamLimits(4096, 2))
    stream.delete(2)
    stream.trim_before(2, False, 0)
    assert [node.live for node in stream.nodes] == [0, 1]
    assert (stream.first_id, stream.edge_id(False), stream.edge_id(True)) == (3, 3, 3)
    stream.check()


def test_nodes_share_their_fields() -> None:
    stream = filled(list(range(1, 11)), StreamLimits(4096, 2))
    assert len(stream.nodes) == 5
    assert all(node.fields is stream.nodes[0].fields for node in stream.nodes)


class TestProgress:
    """What a group knows of how much it has read; the cases of Redis 7.4."""

    def group(self, stream: Stream, last_id: int, entries_read: int = UNKNOWN) -> Group:
        group = Group(b"g", last_id, entries_read)
        stream.groups[b"g"] = group
        return group

    def test_an_empty_stream(self) -> None:
        assert Stream().lag_of(self.group(Stream(), 0)) == 0
        stream = filled([5, 6])
        stream.trim_length(0, False, 0)
        assert stream.lag_of(self.group(stream, 0)) == 0

    def test_before_the_first_entry(self) -> None:
        stream = filled([5, 6, 7])
        assert stream.lag_of(self.group(stream, 0)) == 3
        stream.delete(5)
        stream.find_first()
        assert stream.lag_of(self.group(stream, 0)) == 2

    def test_after_a_deletion_further_on(self) -> None:
        stream = filled([5, 6, 7])
        stream.delete(6)
        assert stream.lag_of(self.group(stream, 0)) is None
        assert stream.lag_of(self.group(stream, 5, 1)) is None
        assert stream.lag_of(self.group(stream, 7, 3)) == 0

    def test_known_and_unknown_counters(self) -> None:
        stream = filled([5, 6, 7])
        assert stream.lag_of(self.group(stream, 6, 2)) == 1
        assert stream.lag_of(self.group(stream, 6)) is None
        assert stream.lag_of(self.group(stream, 5)) == 2
        assert stream.lag_of(self.group(stream, 7)) == 0
        assert stream.lag_of(self.group(stream, 99)) is None

    def test_the_number_of_an_entry(self) -> None:
        stream = filled([5, 6, 7])
        stream.trim_before(6, False, 0)
        assert [stream.entries_before(entry_id) for entry_id in (0, 4, 5, 6, 7, 8)] == [
            1,
            1,
            1,
            2,
            3,
            UNKNOWN,
        ]
        assert Stream().entries_before(5) == 0
        stream.trim_length(0, False, 0)
        assert [stream.entries_before(entry_id) for entry_id in (0, 7, 8)] == [3, 3, UNKNOWN]

    def test_nothing_was_ever_added(self) -> None:
        stream = filled([5])
        stream.entries_added = 0
        group = self.group(stream, 0)
        stream.note_delivered(group, 5)
        assert (group.last_id, group.entries_read) == (5, UNKNOWN)

    def test_counting_on(self) -> None:
        stream = filled([5, 6, 7, 8])
        group = self.group(stream, 0)
        for number, entry_id in enumerate((5, 6, 7), 1):
            stream.note_delivered(group, entry_id)
            assert (group.last_id, group.entries_read) == (entry_id, number)
        stream.delete(8)
        append(stream, 9, [b"f", b"v"], StreamLimits())
        stream.note_delivered(group, 9)
        assert group.entries_read == 5


def test_the_digest_depends_on_content_and_order() -> None:
    digests = set()
    for ids in ([1, 2], [1, 3], [1]):
        digest = Digest()
        filled(ids).mix_digest(digest)
        digests.add(digest.hex())
    assert len(digests) == 3


def test_release_frees_a_large_stream_in_steps() -> None:
    stream = filled(list(range(1, 1001)), StreamLimits(4096, 10))
    group = Group(b"g", 0, 0)
    consumer = group.add_consumer(b"c", 0)
    for entry_id in range(1, 101):
        group.add_pending(entry_id, consumer, 0, 1)
    stream.groups[b"g"] = group
    assert stream.free_effort() == 100 + 1 + 100
    steps = 1
    while stream.release(20):
        steps += 1
    assert steps == 10


@pytest.mark.parametrize("data", [b"", b"\x00" * 6, b"\x00" * 6 + b"\x85"])
def test_a_damaged_listpack_is_refused(data: bytes) -> None:
    with pytest.raises((ValueError, IndexError)):
        node_from_listpack(5, data)


def test_a_node_that_lost_its_count_is_refused() -> None:
    node = StreamNode(1, 1, [b"f"])
    node.add(1, 1, [b"f", b"v"], 0)
    data = bytearray(node.listpack())
    data[6] = 2
    with pytest.raises(ValueError, match="damaged"):
        node_from_listpack(node.master_id(), bytes(data))
