"""Directives whose value has a structure: `save`, `bind`, `client-output-buffer-limit`, `dir`, ...

Each has a parser and a renderer as `Directive` wants them; `rewrite` knows the lines they take in a file. The
values:

    save                                ((seconds, changes), ...)
    client-output-buffer-limit          ((hard, soft, soft_seconds) of normal, replica and pubsub)
    bind                                (address, ...) as bytes
    oom-score-adj-values                (primary, replica, child)
    replicaof                           (host, port), host as bytes, or None
    latency-tracking-info-percentiles   (float, ...)
    notify-keyspace-events              the int of event classes, as `EVENT_CLASSES` numbers them
    dir                                 the absolute path as bytes

`dir` is where this differs from Redis, which changes the working directory of the process: several servers
may live in one process here, so the path is only kept, and file names are resolved against it.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import Final, cast

from pyredis.config.directives import (
    DENY_LOADING,
    IMMUTABLE,
    MULTI_ARG,
    PROTECTED,
    STRUCTURED,
    Directive,
)
from pyredis.config.errors import InvalidValue
from pyredis.config.values import (
    c_string,
    format_percentile,
    parse_c_integer,
    parse_double,
    parse_memory,
    wrap,
)

SaveRules = tuple[tuple[int, int], ...]
BufferLimit = tuple[int, int, int]

DEFAULT_SAVE: Final[SaveRules] = ((3600, 1), (300, 100), (60, 10000))
DEFAULT_BUFFER_LIMITS: Final[tuple[BufferLimit, ...]] = (
    (0, 0, 0),
    (256 * 1024 * 1024, 64 * 1024 * 1024, 60),
    (32 * 1024 * 1024, 8 * 1024 * 1024, 60),
)
CLIENT_CLASSES: Final = ("normal", "replica", "pubsub")
_CLASS_WORDS: Final[dict[bytes, int]] = {b"normal": 0, b"slave": 1, b"replica": 1, b"pubsub": 2}
_CLASS_SHOWN: Final = (b"normal", b"slave", b"pubsub")
DEFAULT_BIND: Final = (b"*", b"-::*")
BIND_MAX: Final = 16
OOM_LIMIT: Final = 2000

EVENT_CLASSES: Final = (
    ("g", 1 << 2),
    ("$", 1 << 3),
    ("l", 1 << 4),
    ("s", 1 << 5),
    ("h", 1 << 6),
    ("z", 1 << 7),
    ("x", 1 << 8),
    ("e", 1 << 9),
    ("t", 1 << 10),
    ("d", 1 << 13),
)
"""The classes that `A` stands for; the numbers are those of the keyspace's events."""
EVENTS_ALL: Final = sum([bit for _, bit in EVENT_CLASSES])
EVENT_NEW: Final = 1 << 14
_EVENT_MODES: Final = (("K", 1 << 0), ("E", 1 << 1), ("m", 1 << 11))
_EVENT_BITS: Final[dict[str, int]] = {
    "A": EVENTS_ALL,
    "n": EVENT_NEW,
    **dict(EVENT_CLASSES),
    **dict(_EVENT_MODES),
}


def _parse_save(_directive: Directive, args: list[bytes], _current: object) -> object:
    if len(args) == 1 and c_string(args[0]) == b"":
        return ()
    if len(args) % 2:
        raise InvalidValue("Invalid save parameters")
    numbers: list[int] = []
    for position, arg in enumerate(args):
        value = parse_c_integer(arg)
        if value is None or value < 1 - position % 2:
            raise InvalidValue("Invalid save parameters")
        numbers.append(value)
    # The number of changes is a C int.
    return tuple([(numbers[i], wrap(numbers[i + 1], 32)) for i in range(0, len(numbers), 2)])


def _render_save(value: object) -> bytes:
    return b" ".join([b"%d %d" % rule for rule in cast("SaveRules", value)])


def _parse_buffer_limits(_directive: Directive, args: list[bytes], current: object) -> object:
    if len(args) % 4:
        raise InvalidValue("Wrong number of arguments in buffer limit configuration.")
    limits = list(cast("tuple[BufferLimit, ...]", current))
    for i in range(0, len(args), 4):
        position = _CLASS_WORDS.get(c_string(args[i]).lower())
        if position is None:
            raise InvalidValue("Invalid client class specified in buffer limit configuration.")
        hard = parse_memory(args[i + 1])
        soft = parse_memory(args[i + 2])
        seconds = parse_c_integer(args[i + 3])
        if seconds is not None:
            seconds = wrap(seconds, 32)
        if hard is None or soft is None or seconds is None or seconds < 0:
            raise InvalidValue("Error in hard, soft or soft_seconds setting in buffer limit configuration.")
        limits[position] = (hard, soft, seconds)
    return tuple(limits)


def _render_buffer_limits(value: object) -> bytes:
    limits = cast("tuple[BufferLimit, ...]", value)
    return b" ".join(
        [b"%s %d %d %d" % (name, *limit) for name, limit in zip(_CLASS_SHOWN, limits, strict=True)]
    )


def _parse_oom_values(_directive: Directive, args: list[bytes], _current: object) -> object:
    if len(args) != 3:
        raise InvalidValue("wrong number of arguments")
    values: list[int] = []
    for arg in args:
        value = parse_c_integer(arg)
        if value is None or not -OOM_LIMIT <= value <= OOM_LIMIT:
            raise InvalidValue("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")
        values.append(value)
    return tuple(values)


def _render_numbers(value: object) -> bytes:
    return b" ".join([b"%d" % number for number in cast("tuple[int, ...]", value)])


def _parse_bind(_directive: Directive, args: list[bytes], _current: object) -> object:
    if len(args) > BIND_MAX:
        raise InvalidValue("Too many bind addresses specified.")
    if len(args) == 1 and args[0] == b"":
        return ()
    return tuple([c_string(arg) for arg in args])


def _render_words(value: object) -> bytes:
    return b" ".join(cast("tuple[bytes, ...]", value))


def _parse_replicaof(_directive: Directive, args: list[bytes], _current: object) -> object:
    if len(args) != 2:
        raise InvalidValue("wrong number of arguments")
    if c_string(args[0]).lower() == b"no" and c_string(args[1]).lower() == b"one":
        return None
    port = parse_c_integer(args[1])
    if port is None or not 0 <= wrap(port, 32) <= 65535:
        raise InvalidValue("Invalid master port")
    return (args[0], wrap(port, 32))


def _render_replicaof(value: object) -> bytes:
    return b"" if value is None else b"%s %d" % cast("tuple[bytes, int]", value)


def _parse_percentiles(_directive: Directive, args: list[bytes], _current: object) -> object:
    if len(args) == 1 and args[0] == b"":
        return ()
    percentiles: list[float] = []
    for arg in args:
        value = parse_double(arg)
        if value is None:
            raise InvalidValue("Invalid latency-tracking-info-percentiles parameters")
        if not 0.0 <= value <= 100.0:
            raise InvalidValue("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]")
        percentiles.append(value)
    return tuple(percentiles)


def _render_percentiles(value: object) -> bytes:
    return b" ".join([format_percentile(number) for number in cast("tuple[float, ...]", value)])


def _parse_events(_directive: Directive, args: list[bytes], _current: object) -> object:
    total = 0
    for letter in c_string(args[0]).decode("latin-1"):
        bit = _EVENT_BITS.get(letter)
        if bit is None:
            raise InvalidValue("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")
        total |= bit
    return total


def _render_events(value: object) -> bytes:
    # Redis forgets to print `n` beside `A`; clients see that, so it stays. A rewritten file must not lose it.
    assert isinstance(value, int)
    text = events_text(value)
    return text.replace(b"n", b"") if text.startswith(b"A") else text


def events_text(value: int) -> bytes:
    """The letters of a set of event classes, `n` always included."""
    letters = "A"
    if value & EVENTS_ALL != EVENTS_ALL:
        letters = "".join([letter for letter, bit in EVENT_CLASSES if value & bit])
    if value & EVENT_NEW:
        letters += "n"
    letters += "".join([letter for letter, bit in _EVENT_MODES if value & bit])
    return letters.encode()


def _parse_dir(_directive: Directive, args: list[bytes], current: object) -> object:
    name = c_string(args[0])
    path = os.path.join(cast("bytes", current), name) if name else name
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        raise InvalidValue(os.strerror(error.errno or errno.EIO)) from None
    if not stat.S_ISDIR(mode):
        raise InvalidValue(os.strerror(errno.ENOTDIR))
    if not os.access(path, os.X_OK):
        raise InvalidValue(os.strerror(errno.EACCES))
    return os.path.realpath(path)


def _render_bytes(value: object) -> bytes:
    assert isinstance(value, bytes)
    return value


DIRECTIVES: Final[list[Directive]] = [
    # The default is the working directory, which only a `Config` can know.
    Directive("dir", STRUCTURED, b"", _parse_dir, _render_bytes, PROTECTED | DENY_LOADING, None),
    Directive("save", STRUCTURED, DEFAULT_SAVE, _parse_save, _render_save, MULTI_ARG, None),
    Directive(
        "client-output-buffer-limit",
        STRUCTURED,
        DEFAULT_BUFFER_LIMITS,
        _parse_buffer_limits,
        _render_buffer_limits,
        MULTI_ARG,
        None,
    ),
    Directive(
        "oom-score-adj-values", STRUCTURED, (0, 200, 800), _parse_oom_values, _render_numbers, MULTI_ARG, None
    ),
    Directive("notify-keyspace-events", STRUCTURED, 0, _parse_events, _render_events, 0, None),
    Directive("bind", STRUCTURED, DEFAULT_BIND, _parse_bind, _render_words, MULTI_ARG, None),
    Directive(
        "replicaof", STRUCTURED, None, _parse_replicaof, _render_replicaof, IMMUTABLE | MULTI_ARG, "slaveof"
    ),
    Directive(
        "latency-tracking-info-percentiles",
        STRUCTURED,
        (50.0, 99.0, 99.9),
        _parse_percentiles,
        _render_percentiles,
        MULTI_ARG,
        None,
    ),
]
