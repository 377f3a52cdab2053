"""Reading an RDB file: the header, then one record after the other, up to the checksum.

    reader = RdbReader(RdbInput(source), receiver, engine)
    reader.begin()
    while reader.step(1000):
        ...  # give way

The reader consumes nothing beyond the end of the RDB data, so that an append-only file can go on behind it:
`RdbReader.end` is the offset there, and `RdbInput` has what it read too much.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from mypy_extensions import i64, mypyc_attr

from pyredis.engine.engine import Engine
from pyredis.persistence import rdb_format as rdb
from pyredis.persistence.rdb_input import RdbInput
from pyredis.persistence.rdb_values import NoValue, read_value

UNSET: Final = -1
"""No deadline, idle time or frequency."""

MAGIC_BYTES: Final = 9

log = logging.getLogger("pyredis")


@mypyc_attr(allow_interpreted_subclasses=True)
class RdbReceiver:
    """Takes what an RDB file holds; methods that are not overridden drop it."""

    def auxiliary(self, name: bytes, value: bytes) -> None:
        """A fact about the file, such as `redis-ver`."""

    def select(self, index: int) -> str:
        """The keys that follow are of this database; an error text refuses that."""
        return ""

    def sizes(self, keys: int, deadlines: int) -> None:
        """How many keys will follow in the database, at most as many as there is data for, and how many deadlines."""

    def key(self, key: bytes, value: Any, deadline_ms: int, idle_seconds: int, frequency: int) -> str:
        """A key; what is not known about it is UNSET. An error text refuses it."""
        return ""

    def dropped(self, key: bytes) -> None:
        """A key whose collection is empty, which no server could have meant."""

    def library(self, source: bytes) -> str:
        """The source of a library of functions; an error text refuses it."""
        return ""


class RdbReader:
    """See the module's text."""

    def __init__(self, data: RdbInput, receiver: RdbReceiver, engine: Engine) -> None:
        self.data: RdbInput = data
        self.receiver: RdbReceiver = receiver
        self.engine: Engine = engine
        self.version: int = 0
        self.is_done: bool = False
        # The offset behind the RDB data, once that is known.
        self.end: i64 = 0
        # What the next key has, from the records before it.
        self.deadline_ms: int = UNSET
        self.idle_seconds: int = UNSET
        self.frequency: int = UNSET

    def begin(self) -> None:
        """Reads the header."""
        data = self.data
        magic = data.take(MAGIC_BYTES, "the header")
        if magic[:5] != rdb.MAGIC:
            data.fail("Wrong signature trying to load DB from file")
        digits = magic[5:]
        if not digits.isdigit() or not 1 <= int(digits) <= rdb.NEWEST_VERSION:
            data.fail(f"Can't handle RDB format version {digits.decode('latin-1')}")
        self.version = int(digits)

    def step(self, keys: i64) -> bool:
        """Reads up to so many keys; false when the end has been reached."""
        data = self.data
        while keys > 0 and not self.is_done:
            kind = data.byte("the type of a record")
            if kind <= rdb.HIGHEST_TYPE:
                self._read_key(kind)
                keys -= 1
            elif kind == rdb.EXPIRE_TIME_MS:
                self.deadline_ms = data.integer_64("a deadline")
            else:
                self._read_opcode(kind)
        return not self.is_done

    def _read_key(self, kind: i64) -> None:
        data = self.data
        key = data.string("a key")
        value = read_value(data, kind, self.engine)
        if isinstance(value, NoValue):
            self.receiver.dropped(key)
        else:
            error = self.receiver.key(key, value, self.deadline_ms, self.idle_seconds, self.frequency)
            if error:
                data.fail(error)
        self.deadline_ms = UNSET
        self.idle_seconds = UNSET
        self.frequency = UNSET

    def _read_opcode(self, kind: i64) -> None:
        data = self.data
        error = ""
        if kind == rdb.EOF:
            self._read_end()
        elif kind == rdb.SELECT_DB:
            error = self.receiver.select(data.length("the number of a database"))
        elif kind == rdb.EXPIRE_TIME:
            self.deadline_ms = data.integer_32("a deadline") * 1000
        elif kind == rdb.RESIZE_DB:
            keys = data.length("the number of keys")
            deadlines = data.length("the number of deadlines")
            # At least three bytes are a key; where nobody knows how many are left, no number is to be believed.
            self.receiver.sizes(min(keys, max(data.left(), 0) // 3), deadlines)
        elif kind == rdb.AUX:
            name = data.string("the name of an auxiliary field")
            self.receiver.auxiliary(name, data.string("the value of an auxiliary field"))
        elif kind == rdb.FREQ:
            self.frequency = data.byte("the frequency of a key")
        elif kind == rdb.IDLE:
            self.idle_seconds = data.length("the idle time of a key")
        elif kind == rdb.FUNCTION_2:
            error = self.receiver.library(data.string("a library of functions"))
        elif kind == rdb.MODULE_AUX:
            self._skip_module()
        elif kind == rdb.SLOT_INFO:
            for _ in range(3):
                data.length("the size of a slot")
        elif kind == rdb.FUNCTION_PRE_GA:
            error = "expected a library of functions, found one in the format before 7.0.0"
        else:
            error = f"expected the type of a record, found {kind}"
        if error:
            data.fail(error)

    def _skip_module(self) -> None:
        """Passes what a module has noted for itself: it says how it is built."""
        data = self.data
        name = module_name(data.unsigned("the number of a module"))
        log.warning("The RDB file holds data of the module '%s', which is skipped.", name)
        while True:
            part = data.length("a part of a module's data")
            if part == rdb.MODULE_EOF:
                return
            if part in (rdb.MODULE_SINT, rdb.MODULE_UINT):
                data.unsigned("a number of a module")
            elif part == rdb.MODULE_FLOAT:
                data.single("a number of a module")
            elif part == rdb.MODULE_DOUBLE:
                data.double("a number of a module")
            elif part == rdb.MODULE_STRING:
                data.string("a string of a module")
            else:
                data.fail(f"expected a part of a module's data, found {part}")

    def _read_end(self) -> None:
        data = self.data
        if self.version >= rdb.CHECKSUM_VERSION:
            wanted: int = 0
            if data.sums:
                wanted = data.checksum()
            found = int.from_bytes(data.take(8, "the checksum"), "little")
            if found == 0 and data.sums:
                log.info("RDB file was saved with checksum disabled: no check performed.")
            elif data.sums and found != wanted:
                data.fail(f"Wrong RDB checksum expected: ({wanted:x}) but got ({found:x})")
        self.end = data.offset()
        self.is_done = True


_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def module_name(number: int) -> str:
    """The nine letters that make up the upper 54 bits of a module type's number."""
    number >>= 10
    return "".join([_LETTERS[number >> 6 * place & 63] for place in range(8, -1, -1)])
