"""The payloads of DUMP and RESTORE: a value as in an RDB file, the RDB version (2 bytes), and a checksum (8)."""

from __future__ import annotations

from typing import Any, Final

from librt.strings import read_i16_le
from mypy_extensions import i64

from pyredis.engine.engine import Engine
from pyredis.errors import CommandError
from pyredis.persistence.crc64 import crc64
from pyredis.persistence.errors import RdbError
from pyredis.persistence.rdb_format import FUNCTION_2, NEWEST_VERSION, PLAIN_VERSION
from pyredis.persistence.rdb_input import NoSource, RdbInput
from pyredis.persistence.rdb_output import RdbOutput
from pyredis.persistence.rdb_values import NoValue, read_value
from pyredis.persistence.rdb_write_values import needed_version, value_type, write_value

FOOTER: Final[i64] = 10


def dump(engine: Engine, value: Any) -> bytes:
    """The payload of a stored value, of the lowest version that can hold it. O(n)."""
    version = needed_version(value)
    out = RdbOutput(None, engine.config.get_bool("rdbcompression"), False)
    kind = value_type(value, version)
    out.byte(kind)
    write_value(out, value, kind, engine.list_limits)
    out.byte(version)
    out.byte(0)
    body = out.out.getvalue()
    return body + crc64(0, body).to_bytes(8, "little")


def is_intact(engine: Engine, payload: bytes) -> bool:
    """Whether a payload is of a version that we read, and undamaged. O(n)."""
    end = len(payload) - FOOTER
    if end < 0 or not 0 <= read_i16_le(payload, end) <= NEWEST_VERSION:
        return False
    if engine.skips_checksums:
        return True
    return crc64(0, payload[: end + 2]).to_bytes(8, "little") == payload[end + 2 :]


def restore(engine: Engine, payload: bytes) -> Any:
    """The value in a payload that is intact, or None when it makes no sense. O(n)."""
    data = RdbInput(NoSource(), payload[: len(payload) - FOOTER], False)
    try:
        value = read_value(data, data.byte("a type"), engine)
    except RdbError:
        return None
    return None if isinstance(value, NoValue) else value


def dump_libraries(engine: Engine) -> bytes:
    """The payload of all libraries of functions. O(n)."""
    out = RdbOutput(None, engine.config.get_bool("rdbcompression"), False)
    for source in engine.scripting.library_sources():
        out.byte(FUNCTION_2)
        out.string(source)
    out.byte(PLAIN_VERSION)
    out.byte(0)
    body = out.out.getvalue()
    return body + crc64(0, body).to_bytes(8, "little")


def restore_libraries(engine: Engine, payload: bytes) -> list[bytes] | None:
    """The sources of the libraries in a payload; None when it is damaged. Raises what else is wrong with it."""
    if not is_intact(engine, payload):
        return None
    body = payload[: len(payload) - FOOTER]
    data = RdbInput(NoSource(), body, False)
    sources: list[bytes] = []
    try:
        while data.offset() < len(body):
            if data.byte("a type") != FUNCTION_2:
                raise CommandError(b"ERR given type is not a function")
            sources.append(data.string("a library of functions"))
    except RdbError:
        raise CommandError(b"ERR failed loading library data") from None
    return sources
