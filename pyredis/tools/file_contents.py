"""`pyredis rdb`: what an RDB file holds, as figures, or key by key as lines of JSON.

Nothing is loaded into databases: a key is looked at and forgotten, so that a file may be larger than the memory.
"""

from __future__ import annotations

import heapq
import json
import sys
from typing import Any

import click

from pyredis.clock import Clock
from pyredis.config import Config
from pyredis.datatypes.footprint import size_of
from pyredis.datatypes.hash_value import HashValue
from pyredis.datatypes.list_value import ListValue
from pyredis.datatypes.set_value import SetValue
from pyredis.datatypes.sorted_set import SortedSet
from pyredis.datatypes.stream import Stream, StreamCursor
from pyredis.datatypes.stream_groups import Group
from pyredis.datatypes.stream_ids import ID_MAX, id_text
from pyredis.datatypes.value import Value, encoding_name, memory_usage, type_name
from pyredis.engine.engine import Engine, Host
from pyredis.keyspace.database import string_bytes
from pyredis.persistence.errors import RdbError
from pyredis.persistence.rdb_file import FileSource
from pyredis.persistence.rdb_input import RdbInput
from pyredis.persistence.rdb_reader import UNSET, RdbReader, RdbReceiver

KEYS_A_STEP = 500
SAMPLES = 100
"""Elements that are measured where they differ in size."""

KEY_OVERHEAD = 40
"""About what a key takes in the tables of a database, beside its own bytes and those of its value."""

SPANS = (
    ("past", 0), ("up to a minute", 60), ("up to an hour", 3600), ("up to a day", 86400),
    ("up to a week", 7 * 86400), ("up to a month", 30 * 86400), ("up to a year", 365 * 86400),
)  # fmt: skip
"""Seconds that are left to keys with a deadline; what comes next is longer."""


def text(data: bytes) -> str:
    """Bytes as text; what is not UTF-8 becomes `\\udc80` to `\\udcff`, from which Python's `surrogateescape` gets it
    back.
    """
    return data.decode("utf-8", "surrogateescape")


def number(value: float) -> float | str:
    """A score; JSON has no infinities."""
    return value if abs(value) != float("inf") else str(value)


def group_json(group: Group) -> dict[str, Any]:
    """A consumer group of a stream."""
    return {
        "name": text(group.name),
        "last_id": text(id_text(group.last_id)),
        "entries_read": None if group.entries_read < 0 else group.entries_read,
        "consumers": [text(name) for name in group.consumers],
        "pending": [
            {
                "id": text(id_text(entry_id)),
                "consumer": text(pending.consumer.name),
                "delivered_ms": pending.delivered_ms,
                "deliveries": pending.deliveries,
            }
            for entry_id, pending in sorted(group.pending.items())
        ],
    }


def stream_json(stream: Stream) -> dict[str, Any]:
    """A stream with its groups."""
    entries: list[Any] = []
    cursor = StreamCursor(stream, 0, ID_MAX, False)
    while cursor.advance():
        content = [text(part) for part in cursor.node().content(cursor.index)]
        entries.append([text(id_text(cursor.entry_id())), content])
    groups = [group_json(group) for group in stream.groups.values()]
    return {"last_id": text(id_text(stream.last_id())), "entries": entries, "groups": groups}


def value_json(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, ListValue):
        return [text(element) for element in value.values()]
    if isinstance(value, SetValue):
        return [text(member) for member in value.members()]
    if isinstance(value, HashValue):
        pairs = [text(part) for part in value.flat_pairs()]
        return dict(zip(pairs[::2], pairs[1::2], strict=True))
    if isinstance(value, SortedSet):
        return [[text(member), number(score)] for member, score in value.pairs().items()]
    if isinstance(value, Stream):
        return stream_json(value)
    return text(string_bytes(value))


class KeyLines(RdbReceiver):
    """Writes a line of JSON for each key."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms
        self.database = 0

    def select(self, index: int) -> str:
        """The keys of another database follow."""
        self.database = index
        return ""

    def key(self, key: bytes, value: Any, deadline_ms: int, idle_seconds: int, frequency: int) -> str:
        """Writes a key."""
        line = {
            "db": self.database,
            "key": text(key),
            "type": type_name(value).decode(),
            "ttl": None if deadline_ms == UNSET else deadline_ms - self.now_ms,
            "expire_at_ms": None if deadline_ms == UNSET else deadline_ms,
            "value": value_json(value),
        }
        if isinstance(value, HashValue) and value.deadlines is not None:
            line["field_expire_at_ms"] = {
                text(field): int(value.deadlines.get(field)) for field in value.deadlines.in_order()
            }
        click.echo(json.dumps(line))
        return ""


class Figures(RdbReceiver):
    """Counts what a file holds; sizes are bytes of the file, or of memory."""

    def __init__(self, now_ms: int, in_memory: bool, largest: int) -> None:
        self.now_ms = now_ms
        self.in_memory = in_memory
        self.limit = largest
        self.reader: RdbReader | None = None
        self.database = 0
        self.databases: dict[int, int] = {}
        # By type and encoding: keys, elements, bytes.
        self.kinds: dict[tuple[str, str], list[int]] = {}
        self.spans: dict[str, int] = {}
        self.largest: list[tuple[int, int, int, bytes, str, int]] = []
        self.keys = 0
        self.place = 0
        self.libraries = 0
        self.facts: dict[str, str] = {}

    def auxiliary(self, name: bytes, value: bytes) -> None:
        """A fact about the file."""
        self.facts[text(name)] = text(value)
        self._advance()

    def select(self, index: int) -> str:
        """The keys of another database follow."""
        self.database = index
        return ""

    def sizes(self, keys: int, deadlines: int) -> None:
        """What stands before the first key is none of its bytes."""
        self._advance()

    def library(self, source: bytes) -> str:
        """Counts a library of functions."""
        self.libraries += 1
        self._advance()
        return ""

    def key(self, key: bytes, value: Any, deadline_ms: int, idle_seconds: int, frequency: int) -> str:
        """Counts a key."""
        size = self._advance()
        if self.in_memory:
            size = KEY_OVERHEAD + size_of(key) + memory_usage(value, SAMPLES)
        elements = value.size() if isinstance(value, Value) else len(string_bytes(value))
        name = type_name(value).decode()
        row = self.kinds.setdefault((name, encoding_name(value).decode()), [0, 0, 0])
        row[0] += 1
        row[1] += elements if isinstance(value, Value) else 1
        row[2] += size
        self.keys += 1
        self.databases[self.database] = self.databases.get(self.database, 0) + 1
        span = "never" if deadline_ms == UNSET else self._span(deadline_ms)
        self.spans[span] = self.spans.get(span, 0) + 1
        entry = (size, -self.keys, self.database, key, name, elements)
        if len(self.largest) < self.limit:
            heapq.heappush(self.largest, entry)
        elif self.largest and entry > self.largest[0]:
            heapq.heapreplace(self.largest, entry)
        return ""

    def _advance(self) -> int:
        """How many bytes of the file have been read since the last time."""
        before = self.place
        self.place = self.reader.data.offset() if self.reader is not None else 0
        return self.place - before

    def _span(self, deadline_ms: int) -> str:
        left = (deadline_ms - self.now_ms) / 1000
        for name, seconds in SPANS:
            if left <= seconds:
                return name
        return "longer"

    def report(self) -> None:
        """Everything, as tables."""
        what = "memory" if self.in_memory else "bytes"
        for name, value in self.facts.items():
            click.echo(f"{name + ':':<14}{value}")
        click.echo(f"{'keys:':<14}{self.keys}")
        if self.libraries:
            click.echo(f"{'libraries:':<14}{self.libraries}")
        for index in sorted(self.databases):
            click.echo(f"{f'db{index}:':<14}{self.databases[index]}")
        click.echo(f"\n{'type':<8}{'encoding':<14}{'keys':>10}{'elements':>12}{what:>14}{'a key':>10}")
        for (name, encoding), (keys, elements, size) in sorted(self.kinds.items()):
            click.echo(f"{name:<8}{encoding:<14}{keys:>10}{elements:>12}{size:>14}{size // keys:>10}")
        total = sum(row[2] for row in self.kinds.values())
        click.echo(f"{'all':<22}{self.keys:>10}{'':>12}{total:>14}{total // max(self.keys, 1):>10}")
        click.echo(f"\n{'expire':<22}{'keys':>10}")
        for name in [*[name for name, _ in SPANS], "longer", "never"]:
            if name in self.spans:
                click.echo(f"{name:<22}{self.spans[name]:>10}")
        click.echo(f"\n{what:>14}  {'type':<8}{'elements':>10}  db  largest keys")
        for size, _, index, key, name, elements in sorted(self.largest, reverse=True):
            click.echo(f"{size:>14}  {name:<8}{elements:>10}  {index:>2}  {ascii(key)[1:]}")


def read_file(path: str, receiver: RdbReceiver) -> None:
    """Shows a file to a receiver, with a bar of the progress on a terminal; raises `RdbError`."""
    source = FileSource(path)
    clock = Clock()
    clock.now_ms = 0  # fields that have expired since are in the file none the less
    engine = Engine(Config(), clock, [], Host())
    reader = RdbReader(RdbInput(source), receiver, engine)
    if isinstance(receiver, Figures):
        receiver.reader = reader
    try:
        reader.begin()
        if not sys.stderr.isatty():
            while reader.step(KEYS_A_STEP):
                pass
            return
        with click.progressbar(length=int(source.size), label="Reading", file=sys.stderr) as bar:
            while reader.step(KEYS_A_STEP):
                bar.update(int(reader.data.offset()) - bar.pos)
            bar.update(int(reader.data.offset()) - bar.pos)
    finally:
        source.close()


@click.command("rdb")
@click.option(
    "--json", "form", flag_value="json", help="A line of JSON for each key: db, key, type, ttl, value."
)
@click.option(
    "--stats", "form", flag_value="stats", default=True, help="Figures; sizes are bytes of the file."
)
@click.option(
    "--memory", "form", flag_value="memory", help="Figures; sizes are estimates of memory in a server."
)
@click.option(
    "--largest", default=10, show_default=True, metavar="N", type=click.IntRange(0),
    help="How many of the largest keys to name.",
)  # fmt: skip
@click.argument("path", metavar="FILE", type=click.Path(exists=True, dir_okay=False))
def show_rdb(path: str, form: str, largest: int) -> None:
    """Shows what an RDB file holds.

    Texts that are not UTF-8 are escaped: each byte in question becomes one of \\udc80 to \\udcff in JSON, which Python
    turns back with `.encode("utf-8", "surrogateescape")`. `ttl` is in milliseconds from now.
    """
    clock = Clock()
    clock.refresh()
    receiver = KeyLines(clock.now_ms) if form == "json" else Figures(clock.now_ms, form == "memory", largest)
    try:
        read_file(path, receiver)
    except RdbError as error:
        click.echo(f"{path}: {error}", err=True)
        sys.exit(1)
    if isinstance(receiver, Figures):
        receiver.report()
