"""Groups, consumers and their lists of IDs, beside sorted lists."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from pyredis.datatypes.stream_groups import CHUNK, Group, IdList, in_name_order

EVERYTHING = 1 << 128


def test_an_id_list_beside_a_set() -> None:
    rng = random.Random(1)
    ids = IdList()
    model: set[int] = set()
    for step in range(12_000):
        entry_id = step if rng.random() < 0.5 else rng.randrange(20_000)
        if entry_id in model:
            ids.remove(entry_id)
            model.remove(entry_id)
        else:
            ids.add(entry_id)
            model.add(entry_id)
        if step % 500 == 0:
            ids.check()
            assert ids.between(0, EVERYTHING, -1) == sorted(model)
    ordered = sorted(model)
    assert len(ids.chunks) > 2
    assert (ids.first(), ids.last()) == (ordered[0], ordered[-1])
    for _ in range(300):
        start, end, limit = rng.randrange(20_000), rng.randrange(20_000), rng.choice((-1, 0, 1, 5, 3000))
        wanted = [entry_id for entry_id in ordered if start <= entry_id <= end]
        assert ids.between(start, end, limit) == (wanted if limit < 0 else wanted[:limit])
    for entry_id in ordered:
        ids.remove(entry_id)
    assert (ids.size, ids.chunks, ids.lows) == (0, [], [])


def test_a_full_chunk_is_split_where_an_id_goes_between() -> None:
    ids = IdList()
    for number in range(CHUNK):
        ids.add(number * 2)
    ids.add(1)
    ids.check()
    assert [len(chunk) for chunk in ids.chunks] == [CHUNK // 2, CHUNK // 2 + 1]


def test_ids_in_order_fill_one_chunk_after_the_other() -> None:
    ids = IdList()
    for number in range(2 * CHUNK + 1):
        ids.add(number)
    ids.check()
    assert [len(chunk) for chunk in ids.chunks] == [CHUNK, CHUNK, 1]
    assert ids.between(CHUNK - 1, CHUNK + 1, -1) == [CHUNK - 1, CHUNK, CHUNK + 1]


@given(
    st.lists(
        st.tuples(st.sampled_from("adcr"), st.integers(1, 8), st.sampled_from([b"x", b"y"])), max_size=40
    )
)
def test_a_group_beside_a_dict(steps: list[tuple[str, int, bytes]]) -> None:
    group = Group(b"g", 0, -1)
    owners: dict[int, bytes] = {}
    for what, entry_id, name in steps:
        consumer = group.consumers.get(name) or group.add_consumer(name, 5)
        pending = group.pending.get(entry_id)
        if what == "d" and pending is None:
            group.add_pending(entry_id, consumer, 7, 1)
            owners[entry_id] = name
        elif what == "c" and pending is not None:
            group.assign(entry_id, pending, consumer)
            owners[entry_id] = name
        elif what == "a":
            assert group.acknowledge(entry_id) == (owners.pop(entry_id, None) is not None)
        elif what == "r" and entry_id == 1:
            group.remove_consumer(consumer)
            owners = {there: owner for there, owner in owners.items() if owner != name}
        twin = group.copy()
        for each in (group, twin):
            each.check()
            assert {there: pending.consumer.name for there, pending in each.pending.items()} == owners
        twin.acknowledge(entry_id)
        assert (entry_id in group.pending) == (entry_id in owners)


def test_names_are_listed_in_order() -> None:
    assert in_name_order({b"b": Group(b"b", 0, 0), b"": Group(b"", 0, 0), b"a": Group(b"a", 0, 0)}) == [
        b"",
        b"a",
        b"b",
    ]


def test_release_frees_pending_entries_in_steps() -> None:
    group = Group(b"g", 0, 0)
    consumer = group.add_consumer(b"c", 0)
    for entry_id in range(10):
        group.add_pending(entry_id, consumer, 0, 1)
    assert group.release(4)
    assert len(group.pending) == 6
    assert not group.release(6)
