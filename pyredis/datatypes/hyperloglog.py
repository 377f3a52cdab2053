"""HyperLogLog: the number of distinct elements, estimated within 1 % in 12 KB; Redis's format to the byte.

The value is a string: `HYLL`, a byte for the encoding, three unused ones, and the last estimate as 64 bits,
the highest of which says that it is out of date; then 16,384 registers. An element is hashed: 14 bits of the
hash choose a register and the place of the first one among the others is what the register keeps, if it held
less.

* dense: six bits a register, low bits first.
* sparse: a run-length code. `00nnnnnn` is a run of 1 to 64 zeros (ZERO), `01nnnnnn nnnnnnnn` one of up to
  16,384 (XZERO), `1vvvvvnn` one of 1 to 4 registers with a value of 1 to 32 (VAL). A value becomes dense when
  it would get longer than a limit, or a register higher than 32; it never becomes sparse again.

Which opcodes a sparse value has depends on the order in which registers were set, so setting one follows the
steps of Redis's `hllSparseSet` exactly. The registers of a whole value are worked on as bytes or as one large
integer with a byte for each (`registers_of`). The estimate is Ertl's (arXiv:1702.01284), in the same order of
double operations.

Strings that begin like a HyperLogLog can be anything else: whoever reads opcodes raises `CorruptError`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from librt.base64 import b64decode, b64encode
from librt.strings import read_i64_le
from mypy_extensions import mypyc_attr

from pyredis.datatypes import fast_hyperloglog
from pyredis.form import COMPILED

if TYPE_CHECKING:
    from mypy_extensions import i64

REGISTERS: Final = 16384
HEADER_BYTES: Final = 16
DENSE_BYTES: Final = 12288
DENSE_SIZE: Final = HEADER_BYTES + DENSE_BYTES

DENSE: Final = 0
SPARSE: Final = 1

_MAGIC: Final = b"HYLL"
_ENCODING: Final = 4
_CARDINALITY: Final = 8
_OUT_OF_DATE: Final = 15
"""The byte whose highest bit marks the stored estimate."""

_XZERO: Final[i64] = 0x40
_VAL: Final[i64] = 0x80
_ZERO_LONGEST: Final[i64] = 64
_VAL_LONGEST: Final[i64] = 4
_VAL_HIGHEST: Final[i64] = 32
_MERGED_OPCODES: Final[i64] = 5
_OUT_OF_REACH: Final[i64] = 8

_HASH_BITS: Final[i64] = 50
"""Bits of the hash that are left beside the 14 of the register."""

_ALPHA: Final = 0.721347520444481703680
_HIGHEST_ESTIMATE: Final = 9223372036854775808.0

EMPTY: Final = _MAGIC + bytes((SPARSE,)) + bytes(11) + b"\x7f\xff"
"""No element yet: one XZERO for all registers."""


class CorruptError(ValueError):
    """The opcodes of a sparse value do not describe 16,384 registers."""


def is_hyperloglog(value: bytes | bytearray) -> bool:
    """Whether a string looks like a HyperLogLog; its opcodes may be wrong nevertheless."""
    size = len(value)
    # Compiled, one call of `startswith` takes longer than the four looks at `HYLL`.
    if size < HEADER_BYTES or value[0] != 72 or value[1] != 89 or value[2] != 76 or value[3] != 76:
        return False
    encoding = value[_ENCODING]
    return encoding == SPARSE or (encoding == DENSE and size == DENSE_SIZE)


# Hashing.


def _word_mask() -> int:
    return -1 if COMPILED else (1 << 64) - 1


_WORD: Final[i64] = _word_mask()
"""All 64 bits: what wraps by itself when compiled is cut off by it when interpreted."""

_FACTOR: Final[i64] = 0xC6A4A7935BD1E995 - (1 << 64)
_SEED: Final[i64] = 0xADC83B19


def hash_element(element: bytes) -> i64:
    """MurmurHash64A with Redis's seed; compiled, a signed number. O(length), 20 ns for a short one."""
    factor: i64 = _FACTOR
    word_mask: i64 = _WORD
    size: i64 = len(element)
    result = (_SEED ^ (size * factor)) & word_mask
    position: i64 = 0
    end: i64 = size & ~7
    while position < end:
        word = (read_i64_le(element, position) * factor) & word_mask
        word = ((word ^ ((word >> 47) & 0x1FFFF)) * factor) & word_mask
        result = ((result ^ word) * factor) & word_mask
        position += 8
    if position < size:
        word = 0
        shift: i64 = 0
        while position < size:
            byte: i64 = element[position]
            word |= byte << shift
            shift += 8
            position += 1
        result = ((result ^ word) * factor) & word_mask
    result = ((result ^ ((result >> 47) & 0x1FFFF)) * factor) & word_mask
    return result ^ ((result >> 47) & 0x1FFFF)


# Adding.


def add(hll: bytearray, element: bytes, sparse_limit: i64) -> bool:
    """Notes an element; says whether a register changed. O(1) dense, O(opcodes) sparse."""
    hashed = hash_element(element)
    index: i64 = hashed & (REGISTERS - 1)
    rest: i64 = (hashed >> 14) & ((1 << _HASH_BITS) - 1)
    count: i64 = 1
    if rest == 0:
        count += _HASH_BITS
    else:
        while rest & 1 == 0:
            rest >>= 1
            count += 1
    encoding = hll[_ENCODING]
    if encoding == DENSE:
        return _set_dense(hll, index, count)
    if encoding != SPARSE:
        raise CorruptError
    return SparseWriter(hll, sparse_limit).set(index, count)


def invalidate(hll: bytearray) -> None:
    """Marks the stored estimate as out of date."""
    hll[_OUT_OF_DATE] |= 0x80


def _set_dense(hll: bytearray, index: i64, count: i64) -> bool:
    bit: i64 = index * 6
    byte: i64 = HEADER_BYTES + (bit >> 3)
    shift: i64 = bit & 7
    low: i64 = hll[byte]
    if shift <= 2:
        if count <= (low >> shift) & 63:
            return False
        hll[byte] = (low & ~(63 << shift)) | (count << shift)
        return True
    high: i64 = hll[byte + 1]
    pair = low | (high << 8)
    if count <= (pair >> shift) & 63:
        return False
    pair = (pair & ~(63 << shift)) | (count << shift)
    hll[byte] = pair & 255
    hll[byte + 1] = pair >> 8
    return True


_OPCODES: Final = [bytes((opcode,)) for opcode in range(256)]


def _zeros(length: i64) -> bytes:
    """The opcode for a run of zeros."""
    if length > _ZERO_LONGEST:
        return _OPCODES[_XZERO | ((length - 1) >> 8)] + _OPCODES[(length - 1) & 255]
    return _OPCODES[length - 1]


def _val(count: i64, length: i64) -> i64:
    """The opcode for a run of registers that hold `count`."""
    return _VAL | ((count - 1) << 2) | (length - 1)


@mypyc_attr(acyclic=True)
class SparseWriter:
    """Sets registers of a sparse value in ascending order, each near the one before. O(opcodes) for all.

    Redis starts from the first opcode each time. What it does to a register can join the opcode of the
    register with those around it, each of four registers at most; so `position` stays at an opcode that ends
    eight registers back, out of reach of whatever is still to be set.
    """

    def __init__(self, hll: bytearray, limit: i64) -> None:
        self.hll: bytearray = hll
        self.limit: i64 = limit
        self.position: i64 = HEADER_BYTES
        self.first: i64 = 0
        """The register with which the opcode at `position` begins."""

    def set(self, index: i64, count: i64) -> bool:
        """Raises a register to `count`; says whether it held less. Once the value is dense, be done."""
        hll = self.hll
        if count > _VAL_HIGHEST:
            return self._promote(index, count)
        data = bytes(hll)
        size: i64 = len(data)
        position = self.position
        first = self.first
        past = index - _OUT_OF_REACH
        spans = _SPANS
        previous: i64 = -1
        span: i64 = 0
        length: i64 = 1
        opcode: i64 = 0
        while position < size:
            opcode = data[position]
            span = spans[opcode]
            length = 1
            if span == 0:
                span = _xzero_length(data, position)
                length = 2
            following = first + span
            if index < following:
                break
            if following <= past:
                self.position = position
                self.first = first
            previous = position
            position += length
            first = following
        if span == 0 or position + length > size:
            raise CorruptError
        if opcode >= _VAL and ((opcode >> 2) & 31) + 1 >= count:
            return False
        if span == 1 and length == 1:
            hll[position] = _val(count, 1)
        else:
            sequence = _split(opcode, first, span, index, count)
            growth: i64 = len(sequence) - length
            if growth > 0 and size + growth > self.limit:
                return self._promote(index, count)
            hll[position : position + length] = sequence
        self._merge(previous if previous >= 0 else HEADER_BYTES)
        invalidate(hll)
        return True

    def _merge(self, position: i64) -> None:
        """Joins equal neighbours among the five opcodes from `position` on, as far as a VAL can hold them."""
        hll = self.hll
        end: i64 = len(hll)
        looks: i64 = _MERGED_OPCODES
        while position < end and looks > 0:
            looks -= 1
            opcode: i64 = hll[position]
            if opcode < _VAL:
                position += 1 if opcode < _XZERO else 2
                continue
            if position + 1 < end:
                following: i64 = hll[position + 1]
                length = (opcode & 3) + (following & 3) + 2
                if opcode >> 2 == following >> 2 and length <= _VAL_LONGEST:
                    hll[position] = (opcode & ~3) | (length - 1)
                    del hll[position + 1]
                    end -= 1
                    continue
            position += 1

    def _promote(self, index: i64, count: i64) -> bool:
        make_dense(self.hll)
        return _set_dense(self.hll, index, count)


def _split(opcode: i64, first: i64, span: i64, index: i64, count: i64) -> bytes:
    """The opcodes for the registers of one opcode, of which the one at `index` is `count` now."""
    before = index - first
    after = first + span - 1 - index
    middle = _OPCODES[_val(count, 1)]
    if opcode >= _VAL:
        old = ((opcode >> 2) & 31) + 1
        if before:
            middle = _OPCODES[_val(old, before)] + middle
        return middle + _OPCODES[_val(old, after)] if after else middle
    if before:
        middle = _zeros(before) + middle
    return middle + _zeros(after) if after else middle


def make_dense(hll: bytearray) -> bool:
    """Turns a sparse value into the dense form, in place; says whether it was sparse. O(registers)."""
    if hll[_ENCODING] == DENSE:
        return False
    body = _packed(_decoded(bytes(hll)))
    hll[HEADER_BYTES:] = body
    hll[_ENCODING] = DENSE
    return True


# All registers at once.

_BASE64: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_TO_BASE64: Final = (_BASE64 * 4)[:256]
_FROM_BASE64: Final = bytes(max(_BASE64.find(bytes((code,))), 0) for code in range(256))

_RUNS: Final = [
    bytes(opcode + 1) if opcode < 0x40 else bytes(((opcode >> 2 & 31) + 1,)) * ((opcode & 3) + 1)
    for opcode in range(256)
]
"""The registers of each opcode; those of an XZERO depend on the byte after it and are not used."""

_SPANS: Final = bytes(0 if 0x40 <= opcode < 0x80 else len(run) for opcode, run in enumerate(_RUNS))
"""How many registers each opcode stands for; 0 for an XZERO."""


def _unpacked(body: bytes) -> bytes:
    """Registers of six bits as a byte each.

    Base64 cuts three bytes into four numbers of six bits, from the high end; the registers run from the low
    end. So it is given the bytes in reverse. 6 us.
    """
    return b64encode(body[::-1])[::-1].translate(_FROM_BASE64)


def _packed(registers: bytes) -> bytes:
    """The reverse of `_unpacked`."""
    if COMPILED:
        return fast_hyperloglog.pack(registers)
    return b64decode(registers[::-1].translate(_TO_BASE64))[::-1]


def _decoded(data: bytes) -> bytes:
    """The registers of a sparse value, a byte each."""
    runs: list[bytes] = []
    position: i64 = HEADER_BYTES
    size: i64 = len(data)
    total: i64 = 0
    while position < size:
        opcode: i64 = data[position]
        if opcode >= _VAL or opcode < _XZERO:
            run = _RUNS[opcode]
            position += 1
        else:
            run = bytes(_xzero_length(data, position))
            position += 2
        total += len(run)
        if total > REGISTERS:
            raise CorruptError
        runs.append(run)
    if total != REGISTERS:
        raise CorruptError
    return b"".join(runs)


def _xzero_length(data: bytes, position: i64) -> i64:
    """The length of a run; its second byte, where missing, is the NUL that Redis has behind every string.

    To write to such a run is an error here, where Redis overwrites that NUL and goes on with what comes after
    it.
    """
    low: i64 = data[position + 1] if position + 1 < len(data) else 0
    opcode: i64 = data[position]
    return (((opcode & 63) << 8) | low) + 1


def registers_of(hll: bytes | bytearray) -> bytes:
    """All registers, a byte each. O(registers)."""
    data = bytes(hll)
    return _unpacked(data[HEADER_BYTES:]) if data[_ENCODING] == DENSE else _decoded(data)


_LANES_HIGH: Final = int.from_bytes(b"\x80" * REGISTERS, "big")


class Union:
    """The highest of each register over some values. O(registers) for each value."""

    def add(self, hll: bytes | bytearray) -> None:
        """Takes in a value, or raises `CorruptError`."""
        raise AssertionError

    def registers(self) -> bytes:
        """All registers, a byte each."""
        raise AssertionError

    def cardinality(self) -> int:
        """The estimate for all values together."""
        registers = self.registers()
        return estimate(fast_hyperloglog.count_raw(registers) if COMPILED else count_values(registers))


class CompiledUnion(Union):
    """A union of words of eight registers."""

    def __init__(self) -> None:
        self.union: fast_hyperloglog.WordUnion = fast_hyperloglog.WordUnion()

    def add(self, hll: bytes | bytearray) -> None:
        """Takes in a value, or raises `CorruptError`."""
        data = bytes(hll)
        if data[_ENCODING] == DENSE:
            self.union.add_packed(data, HEADER_BYTES)
        else:
            self.union.add_raw(_decoded(data))

    def registers(self) -> bytes:
        """All registers, a byte each."""
        return self.union.registers()


class InterpretedUnion(Union):
    """A union as one integer with a byte for each register.

    All registers are compared at once, as numbers of seven bits: with the eighth bit set beforehand it
    survives a subtraction exactly where the number was not less.
    """

    def __init__(self) -> None:
        self.highest: int = 0

    def add(self, hll: bytes | bytearray) -> None:
        """Takes in a value, or raises `CorruptError`."""
        registers = int.from_bytes(registers_of(hll), "big")
        highest = self.highest
        not_less = ((highest | _LANES_HIGH) - registers) & _LANES_HIGH
        keep = not_less - (not_less >> 7)
        self.highest = registers ^ ((registers ^ highest) & keep)

    def registers(self) -> bytes:
        """All registers, a byte each."""
        return self.highest.to_bytes(REGISTERS, "big")


def make_union() -> Union:
    """An empty union, in the form that is quicker."""
    return CompiledUnion() if COMPILED else InterpretedUnion()


def store_registers(hll: bytearray, registers: bytes, is_dense: bool, sparse_limit: i64) -> None:
    """Raises every register of `hll` to those of a union that it is part of, and marks the estimate.

    A sparse value stays sparse while it can, unless it is to be dense.
    """
    if is_dense:
        make_dense(hll)
    else:
        writer = SparseWriter(hll, sparse_limit)
        index: i64 = 0
        while index < REGISTERS and hll[_ENCODING] == SPARSE:
            count: i64 = registers[index]
            if count:
                writer.set(index, count)
            index += 1
    if hll[_ENCODING] == DENSE:
        hll[HEADER_BYTES:] = _packed(registers)
    invalidate(hll)


# Estimating.


def cached_cardinality(hll: bytes | bytearray) -> int | None:
    """The stored estimate, or None when it is out of date."""
    if hll[_OUT_OF_DATE] & 0x80:
        return None
    return int.from_bytes(hll[_CARDINALITY:HEADER_BYTES], "little")


def update_cardinality(hll: bytearray) -> int:
    """Estimates and stores the estimate."""
    cardinality = estimate(histogram_of(hll))
    hll[_CARDINALITY:HEADER_BYTES] = cardinality.to_bytes(8, "little")
    return cardinality


def histogram_of(hll: bytes | bytearray) -> list[int]:
    """How many registers hold each value from 0 to 63."""
    data = bytes(hll)
    if data[_ENCODING] == DENSE:
        if COMPILED:
            return fast_hyperloglog.count_packed(data, HEADER_BYTES)
        return count_values(_unpacked(data[HEADER_BYTES:]))
    histogram = fast_hyperloglog.count_runs(data, HEADER_BYTES)
    if not histogram:
        raise CorruptError
    return histogram


def count_values(registers: bytes) -> list[int]:
    """The histogram of registers of a byte each.

    Takes out one value after the other, so that less and less is left to search.
    60 us. One `count` for each value takes 100 us, `Counter` 500.
    """
    histogram = [0] * fast_hyperloglog.VALUES
    while registers:
        value = registers[0]
        rest = registers.translate(None, bytes((value,)))
        histogram[value] = len(registers) - len(rest)
        registers = rest
    return histogram


def _sigma(x: float) -> float:
    if x == 1.0:
        return math.inf
    y = 1.0
    z = x
    while True:
        x *= x
        before = z
        z += x * y
        y += y
        if before == z:
            return z


def _tau(x: float) -> float:
    if x in (0.0, 1.0):
        return 0.0
    y = 1.0
    z = 1.0 - x
    while True:
        x = math.sqrt(x)
        before = z
        y *= 0.5
        z -= (1.0 - x) * (1.0 - x) * y
        if before == z:
            return z / 3.0


def estimate(histogram: list[int]) -> int:
    """The number of distinct elements, as an unsigned 64-bit integer.

    What does not fit a signed one is 2**63, as C has it on x86.
    """
    registers = float(REGISTERS)
    z = registers * _tau((registers - histogram[51]) / registers)
    for value in range(50, 0, -1):
        z += histogram[value]
        z *= 0.5
    z += registers * _sigma(histogram[0] / registers)
    if z == 0.0:
        return 1 << 63
    exact = _ALPHA * registers * registers / z
    if exact >= _HIGHEST_ESTIMATE:
        return 1 << 63
    whole = math.floor(exact)
    return whole + 1 if exact - whole >= 0.5 else whole


# Looking inside, for PFDEBUG.


def describe(hll: bytes | bytearray) -> bytes:
    """The opcodes of a sparse value: `z:3` ZERO, `Z:200` XZERO, `v:5,2` VAL with value and length."""
    data = bytes(hll)
    words: list[bytes] = []
    position = HEADER_BYTES
    while position < len(data):
        opcode = data[position]
        if opcode >= 0x80:
            words.append(b"v:%d,%d" % ((opcode >> 2 & 31) + 1, (opcode & 3) + 1))
        elif opcode < 0x40:
            words.append(b"z:%d" % (opcode + 1))
        else:
            words.append(b"Z:%d" % _xzero_length(data, position))
            position += 1
        position += 1
    return b" ".join(words)


def is_dense(hll: bytes | bytearray) -> bool:
    """Whether a value has the dense form."""
    return hll[_ENCODING] == DENSE
