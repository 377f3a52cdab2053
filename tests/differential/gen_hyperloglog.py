"""Random HyperLogLog commands, on values that they made and on crafted ones, some of them corrupt."""

from __future__ import annotations

from hypothesis import strategies as st

KEYS = st.sampled_from([b"k1", b"k2", b"k3", b"k4", b"k5"])
ELEMENTS = st.one_of(
    st.integers(0, 2000).map(lambda n: b"e%d" % n),
    st.integers(0, 50).map(lambda n: b"%d" % n),
    st.binary(max_size=40),
)
MANY_ELEMENTS = st.tuples(st.integers(0, 5000), st.integers(1, 600)).map(
    lambda drawn: [b"m%d" % number for number in range(drawn[0], drawn[0] + drawn[1])]
)

REGISTERS = 16384
ENCODINGS = st.sampled_from([0, 1, 1, 1, 1, 2])
ESTIMATES = st.one_of(st.just(bytes(7) + b"\x80"), st.binary(min_size=8, max_size=8))


def _opcodes(runs: list[tuple[int, int]]) -> bytes:
    """The sparse code of runs of (value, length), up to all registers, the rest being zeros."""
    opcodes = bytearray()
    left = REGISTERS
    for value, wanted in [*runs, (0, REGISTERS)]:
        length = min(wanted if value == 0 else (wanted - 1) % 4 + 1, left)
        if length == 0:
            break
        if value:
            opcodes.append(0x80 | (value - 1) << 2 | length - 1)
        elif length <= 64:
            opcodes.append(length - 1)
        else:
            opcodes += bytes((0x40 | (length - 1) >> 8, (length - 1) & 255))
        left -= length
    return bytes(opcodes)


OPCODES = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 0, 1, 1, 2, 32]), st.sampled_from([1, 2, 3, 4, 5, 63, 64, 65, 300, 5000])
    ),
    max_size=40,
).map(_opcodes)
SPARSE = st.tuples(OPCODES, st.sampled_from([b"", b"", b"", b"\x80", b"\x00", b"\x7f\xff"])).map(b"".join)
# One byte repeated fills the registers with up to four values, and makes estimates of every size.
DENSE = st.binary(min_size=3, max_size=3).map(lambda triple: triple * (REGISTERS // 4))
VALUES = st.one_of(
    st.tuples(ENCODINGS, ESTIMATES, SPARSE).map(lambda drawn: b"HYLL%c\0\0\0%b%b" % drawn),
    st.tuples(ESTIMATES, DENSE).map(lambda drawn: b"HYLL\0abc%b%b" % drawn),
    st.sampled_from([b"", b"12", b"HYLL", b"HYLL\x01" + bytes(11), b"HYLL\x01" + bytes(11) + b"\x50\x00"]),
)

DEBUG_WORDS = st.sampled_from([b"ENCODING", b"DECODE", b"decode", b"TODENSE", b"GETREG", b"FOO"])


def commands() -> st.SearchStrategy[list[bytes]]:
    """One command of the group, or one that makes or shows a value."""
    few = st.lists(KEYS, min_size=1, max_size=4)
    return st.one_of(
        st.tuples(st.just(b"SET"), KEYS, VALUES).map(list),
        st.tuples(KEYS, st.lists(ELEMENTS, max_size=5)).map(lambda drawn: [b"PFADD", drawn[0], *drawn[1]]),
        st.tuples(KEYS, st.lists(ELEMENTS, max_size=5)).map(lambda drawn: [b"PFADD", drawn[0], *drawn[1]]),
        st.tuples(KEYS, MANY_ELEMENTS).map(lambda drawn: [b"PFADD", drawn[0], *drawn[1]]),
        KEYS.map(lambda key: [b"PFCOUNT", key]),
        few.map(lambda keys: [b"PFCOUNT", *keys]),
        few.map(lambda keys: [b"PFMERGE", *keys]),
        st.tuples(DEBUG_WORDS, KEYS).map(lambda drawn: [b"PFDEBUG", *drawn]),
        KEYS.map(lambda key: [b"GET", key]),
    )
