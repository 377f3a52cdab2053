"""What a directive is: a name, how its arguments become a value, and how the value is shown.

A row of the table is built by `boolean`, `number`, `memory`, ... below; rows whose value has a structure of
its own are in `structured`. Parsing never changes anything but its result: it may look at the current value
(client output limits are given one class at a time) and raises `InvalidValue` with Redis's text. Values are
immutable, so the value of a moment can be kept and put back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pyredis.config.errors import InvalidValue
from pyredis.config.machine import usable_memory
from pyredis.config.values import (
    INT_MAX,
    LONG_MAX,
    LONG_MIN,
    ULONG_MAX,
    c_string,
    format_memory,
    parse_memory,
    quote,
    read_c_integer,
    wrap,
)
from pyredis.datatypes.numbers import parse_int64

IMMUTABLE: Final = 1 << 0
"""Cannot be changed by CONFIG SET."""
SENSITIVE: Final = 1 << 1
"""Its value must not appear in the slow log, MONITOR or a log line."""
HIDDEN: Final = 1 << 2
"""CONFIG GET shows it only to whoever asks for the exact name."""
PROTECTED: Final = 1 << 3
"""CONFIG SET needs `enable-protected-configs`."""
MULTI_ARG: Final = 1 << 4
"""Takes any number of arguments; the others take exactly one."""
DENY_LOADING: Final = 1 << 5
"""Cannot be changed while the data set is being loaded."""
VOLATILE: Final = 1 << 6
"""CONFIG SET applies it even if the value stays the same: it may name a file whose content changed."""

BOOLEAN: Final = 0
NUMBER: Final = 1
MEMORY: Final = 2
OCTAL: Final = 3
TEXT: Final = 4
ENUM: Final = 5
STRUCTURED: Final = 6

Choices = list[tuple[str, int]]
Check = Callable[[object], None]


class Directive:
    """One directive; compare by identity, there is one object for each."""

    def __init__(
        self,
        name: str,
        kind: int,
        default: object,
        parser: Callable[[Directive, list[bytes], object], object],
        renderer: Callable[[object], bytes],
        flags: int,
        alias: str | None,
    ) -> None:
        self.name: str = name
        self.alias: str | None = alias
        self.kind: int = kind
        self.default: object = default
        self.flags: int = flags
        self.minimum: int = 0
        self.maximum: int = LONG_MAX
        # Compared without a sign: a negative number is too large.
        self.is_unsigned: bool = False
        self.is_percent_allowed: bool = False
        # An accepted number outside this range is moved to its nearer end.
        self.clamp: tuple[int, int] | None = None
        self.choices: Choices = []
        # Those that Redis does not have: accepted, but its error, which clients may know, does not list them.
        self.own_choices: list[str] = []
        # Empty means "not set": a rewritten file leaves the directive out instead of giving it "".
        self.empty_is_none: bool = False
        # Raises `InvalidValue` for what the kind accepts and this directive does not.
        self.check: Check | None = None
        self._parser: Callable[[Directive, list[bytes], object], object] = parser
        self._renderer: Callable[[object], bytes] = renderer

    def has(self, flag: int) -> bool:
        """Whether `flag` is one of the directive's flags."""
        return self.flags & flag != 0

    def parse(self, args: list[bytes], current: object) -> object:
        """The value that `args` mean; raises `InvalidValue`."""
        if not self.has(MULTI_ARG) and len(args) != 1:
            raise InvalidValue("wrong number of arguments")
        value = self._parser(self, args, current)
        if self.check is not None:
            self.check(value)
        return value

    def render(self, value: object) -> bytes:
        """What CONFIG GET shows."""
        return self._renderer(value)

    def file_text(self, value: object) -> bytes:
        """The arguments as CONFIG REWRITE writes them after the name; for directives without a structure."""
        if self.kind == TEXT:
            assert isinstance(value, bytes)
            return quote(value)
        if self.kind == MEMORY and isinstance(value, int) and value >= 0:
            return format_memory(value)
        return self.render(value)


def _parse_boolean(_directive: Directive, args: list[bytes], _current: object) -> object:
    word = c_string(args[0]).lower()
    if word == b"yes":
        return True
    if word == b"no":
        return False
    raise InvalidValue("argument must be 'yes' or 'no'")


def _render_boolean(value: object) -> bytes:
    return b"yes" if value else b"no"


def _check_bounds(directive: Directive, value: int) -> int:
    if directive.is_unsigned:
        value &= ULONG_MAX
    elif directive.is_percent_allowed and value < 0:
        if value < directive.minimum:
            raise InvalidValue(f"percentage argument must be less or equal to {-directive.minimum}")
        return value
    if not directive.minimum <= value <= directive.maximum:
        low, high = str(directive.minimum), str(directive.maximum)
        if directive.kind == OCTAL:
            low, high = f"{directive.minimum:o}", f"{directive.maximum:o}"
        raise InvalidValue(f"argument must be between {low} and {high} inclusive")
    return value


def _parse_number(directive: Directive, args: list[bytes], _current: object) -> object:
    value = parse_int64(args[0])
    if value is None:
        raise InvalidValue("argument couldn't be parsed into an integer")
    value = _check_bounds(directive, value)
    if directive.clamp is not None:
        value = max(directive.clamp[0], min(value, directive.clamp[1]))
    return value


def _parse_memory(directive: Directive, args: list[bytes], _current: object) -> object:
    text = args[0]
    value = parse_memory(text)
    if value is not None:
        # Redis keeps the 64 bits in a signed variable until it knows the type of the directive.
        return _check_bounds(directive, wrap(value, 64))
    if directive.is_percent_allowed:
        if len(text) > 1 and text.endswith(b"%"):
            value = parse_int64(text[:-1])
            if value is not None and value >= 0:
                return _check_bounds(directive, -value)
        raise InvalidValue("argument must be a memory or percent value")
    raise InvalidValue("argument must be a memory value")


def _parse_share(directive: Directive, args: list[bytes], current: object) -> object:
    text = args[0]
    if not text.endswith(b"%"):
        return _parse_memory(directive, args, current)
    percent = parse_int64(text[:-1])
    if percent is None or not 0 <= percent <= 100:
        raise InvalidValue("argument must be a memory value")
    memory = usable_memory()
    if percent and not memory:
        raise InvalidValue("the memory of this machine is not known")
    return memory * percent // 100


def _parse_octal(directive: Directive, args: list[bytes], _current: object) -> object:
    value = read_c_integer(args[0], 8)
    if value is None or not LONG_MIN <= value <= LONG_MAX:
        raise InvalidValue("argument couldn't be parsed as an octal number")
    return _check_bounds(directive, value)


def _render_number(value: object) -> bytes:
    assert isinstance(value, int)
    return b"%d" % value


def _render_memory(value: object) -> bytes:
    assert isinstance(value, int)
    return b"%d%%" % -value if value < 0 else b"%d" % value


def _render_octal(value: object) -> bytes:
    assert isinstance(value, int)
    return b"%o" % value


def _parse_text(_directive: Directive, args: list[bytes], _current: object) -> object:
    return c_string(args[0])


def _parse_secret(_directive: Directive, args: list[bytes], _current: object) -> object:
    return args[0]


def _render_text(value: object) -> bytes:
    assert isinstance(value, bytes)
    return value


def choice_name(choices: Choices, value: int) -> str:
    """The first name that stands for `value`."""
    return next(name for name, number in choices if number == value)


def _choice_value(directive: Directive, word: bytes) -> int:
    lowered = c_string(word).lower()
    for name, value in directive.choices:
        if name.encode() == lowered:
            return value
    raise _no_such_choice(directive)


def _no_such_choice(directive: Directive) -> InvalidValue:
    names = ", ".join([name for name, _ in directive.choices if name not in directive.own_choices])
    return InvalidValue(f"argument(s) must be one of the following: {names}")


def _parse_choice(directive: Directive, args: list[bytes], _current: object) -> object:
    return choice_name(directive.choices, _choice_value(directive, args[0]))


def _parse_choices(directive: Directive, args: list[bytes], _current: object) -> object:
    if not args:
        raise _no_such_choice(directive)
    total = 0
    for word in args:
        total |= _choice_value(directive, word)
    names = [name for name, value in directive.choices if value & total]
    return " ".join(names) if names else choice_name(directive.choices, total)


def _render_choice(value: object) -> bytes:
    assert isinstance(value, str)
    return value.encode()


def boolean(
    name: str, default: bool, flags: int = 0, alias: str | None = None, check: Check | None = None
) -> Directive:
    """A yes or no; the value is a bool."""
    directive = Directive(name, BOOLEAN, default, _parse_boolean, _render_boolean, flags, alias)
    directive.check = check
    return directive


def number(
    name: str, default: int, minimum: int, maximum: int, flags: int = 0, alias: str | None = None
) -> Directive:
    """A signed integer between two bounds; the value is an int."""
    directive = Directive(name, NUMBER, default, _parse_number, _render_number, flags, alias)
    directive.minimum = minimum
    directive.maximum = maximum
    return directive


def clamped(name: str, default: int, low: int, high: int) -> Directive:
    """As `number`, where any int from 0 is accepted and then moved into the range; the value is an int."""
    directive = number(name, default, 0, INT_MAX)
    directive.clamp = (low, high)
    return directive


def unsigned(
    name: str, default: int, minimum: int, maximum: int, flags: int = 0, alias: str | None = None
) -> Directive:
    """As `number`, of a type that C compares without a sign."""
    directive = number(name, default, minimum, maximum, flags, alias)
    directive.is_unsigned = True
    return directive


def memory(
    name: str, default: int, minimum: int, maximum: int, flags: int = 0, alias: str | None = None
) -> Directive:
    """A number of bytes, given with a unit if one likes; the value is an int."""
    directive = Directive(name, MEMORY, default, _parse_memory, _render_memory, flags, alias)
    directive.minimum = minimum
    directive.maximum = maximum
    return directive


def unsigned_memory(
    name: str, default: int, minimum: int, maximum: int, flags: int = 0, alias: str | None = None
) -> Directive:
    """As `memory`, of a type that C compares without a sign."""
    directive = memory(name, default, minimum, maximum, flags, alias)
    directive.is_unsigned = True
    return directive


def memory_or_percent(name: str, default: int) -> Directive:
    """A number of bytes, or `n%` of something, which is kept as the negative int `-n`."""
    directive = memory(name, default, -100, LONG_MAX)
    directive.is_percent_allowed = True
    return directive


def share_of_memory(name: str) -> Directive:
    """As `unsigned_memory` from 0, or `n%` of what the machine or the container has; the value is an int of bytes."""
    directive = Directive(name, MEMORY, 0, _parse_share, _render_memory, 0, None)
    directive.maximum = ULONG_MAX
    directive.is_unsigned = True
    return directive


def octal(name: str, default: int, maximum: int, flags: int = 0) -> Directive:
    """File permissions; the value is an int."""
    directive = Directive(name, OCTAL, default, _parse_octal, _render_octal, flags, None)
    directive.maximum = maximum
    directive.is_unsigned = True
    return directive


def string(
    name: str, default: str, flags: int = 0, alias: str | None = None, check: Check | None = None
) -> Directive:
    """A string that may be empty; the value is bytes."""
    directive = Directive(name, TEXT, default.encode(), _parse_text, _render_text, flags, alias)
    directive.check = check
    return directive


def optional_string(
    name: str, flags: int = 0, alias: str | None = None, check: Check | None = None
) -> Directive:
    """A string where empty means "not set"; the value is bytes."""
    directive = string(name, "", flags, alias, check)
    directive.empty_is_none = True
    return directive


def secret(name: str) -> Directive:
    """A password: any bytes, NUL included, where empty means "not set"."""
    directive = Directive(name, TEXT, b"", _parse_secret, _render_text, SENSITIVE, None)
    directive.empty_is_none = True
    return directive


def enum(
    name: str, default: str, choices: Choices, flags: int = 0, own_choices: list[str] | None = None
) -> Directive:
    """One word of a list; the value is the str that names the choice first."""
    directive = Directive(name, ENUM, default, _parse_choice, _render_choice, flags, None)
    directive.choices = choices
    if own_choices is not None:
        directive.own_choices = own_choices
    return directive


def flag_enum(name: str, default: str, choices: Choices, check: Check) -> Directive:
    """Several words of a list; the value is a str, the words joined by blanks in the order of the list."""
    directive = Directive(name, ENUM, default, _parse_choices, _render_choice, MULTI_ARG, None)
    directive.choices = choices
    directive.check = check
    return directive


def names_only(names: list[str]) -> Choices:
    """Choices that are all distinct."""
    return [(name, position) for position, name in enumerate(names)]
