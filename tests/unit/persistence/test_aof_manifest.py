"""The manifest of an append only file."""

from __future__ import annotations

import pytest

from pyredis.persistence.aof_manifest import Manifest, ManifestError, parse_manifest

TEXT = (
    b"file appendonly.aof.2.base.rdb seq 2 type b\n"
    b"file appendonly.aof.1.base.rdb seq 1 type h\n"
    b"file appendonly.aof.4.incr.aof seq 4 type i\n"
    b"file appendonly.aof.5.incr.aof seq 5 type i\n"
)


def test_read_and_written_alike() -> None:
    manifest = parse_manifest(TEXT)
    assert [file.name for file in manifest.files()] == [
        "appendonly.aof.2.base.rdb",
        "appendonly.aof.4.incr.aof",
        "appendonly.aof.5.incr.aof",
    ]
    assert [file.name for file in manifest.history] == ["appendonly.aof.1.base.rdb"]
    assert (manifest.base_sequence, manifest.increment_sequence) == (2, 5)
    assert manifest.encode() == TEXT


def test_growth() -> None:
    manifest = Manifest()
    assert manifest.add_base("log", True).name == "log.1.base.rdb"
    assert manifest.add_increment("log").name == "log.1.incr.aof"
    assert manifest.add_increment("log").name == "log.2.incr.aof"
    copy = manifest.copy()
    assert copy.add_base("log", False).name == "log.2.base.aof"
    copy.retire_increments(keep=1)
    assert copy.encode() == (
        b"file log.2.base.aof seq 2 type b\n"
        b"file log.1.incr.aof seq 1 type h\n"
        b"file log.1.base.rdb seq 1 type h\n"
        b"file log.2.incr.aof seq 2 type i\n"
    )
    assert manifest.encode() == (
        b"file log.1.base.rdb seq 1 type b\nfile log.1.incr.aof seq 1 type i\nfile log.2.incr.aof seq 2 type i\n"
    )


@pytest.mark.parametrize("name", ["a b", 'a"b', "a\\b", "a'b", "a\tb", "a\nb"])
def test_names_that_need_quotes(name: str) -> None:
    manifest = Manifest()
    manifest.add_increment(name)
    text = manifest.encode()
    if "\\" in name:
        with pytest.raises(ManifestError):
            parse_manifest(text)
    else:
        assert parse_manifest(text).increments[0].name == name + ".1.incr.aof"


def test_remarks_and_unknown_words() -> None:
    manifest = parse_manifest(b"# remark\nFILE x.1.incr.aof seq 1 type i future 3\n")
    assert manifest.increments[0].name == "x.1.incr.aof"


@pytest.mark.parametrize(
    ("text", "number", "reason"),
    [
        (b"", 0, "empty"),
        (b"file a seq 1 type i", 1, "long line"),
        (b"file a seq 1\n", 1, "Invalid"),
        (b"file a seq 1 type\n", 1, "Invalid"),
        (b"\n", 1, "Invalid"),
        (b"file a seq 0 type i\n", 1, "Invalid"),
        (b"file a seq -1 type i\n", 1, "Invalid"),
        (b"file a seq 1 type x\n", 1, "Unknown"),
        (b"file ../a seq 1 type i\n", 1, "path"),
        (b"file a seq 1 type b\nfile b seq 2 type b\n", 2, "duplicate"),
        (b"file a seq 2 type i\nfile b seq 2 type i\n", 2, "non-monotonic"),
        (b'file "a seq 1 type i\n', 1, "Invalid"),
        (b"file " + b"a" * 2000 + b" seq 1 type i\n", 1, "long line"),
    ],
)
def test_refused(text: bytes, number: int, reason: str) -> None:
    with pytest.raises(ManifestError, match=reason) as raised:
        parse_manifest(text)
    assert raised.value.number == number
