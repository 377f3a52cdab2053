"""Where Redis 7.0 and 7.4 show the same rules and refusals in different words.

7.0 forgets which rules about commands it was given and makes up others that come to the same; 7.4 shows those
given. So the two are carried out, and what they allow is compared: by our own rules, but for the requests that
follow, of ACL DRYRUN above all, the servers answer each for itself. Commands that 7.0 lacks do not count.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from pyredis.acl.catalog import Catalog
from pyredis.acl.rules import RuleError
from pyredis.acl.selector import Selector
from pyredis.clock import ManualClock
from pyredis.commands import all_specs
from pyredis.config import Config
from pyredis.engine.engine import Engine, Host
from tests.support.wire import Tree

COMMAND_RULE: Final = re.compile(rb"(?<![^ (])[+-][^ )]*")
LOG_FIELDS: Final = (b"count", b"reason", b"context", b"object", b"username")
"""The fields of ACL LOG that both have and that do not tell times or clients."""

_SANITIZE: Final = b"sanitize-payload"
_REFUSALS: Final = (
    (
        re.compile(
            rb"-(?:EXECABORT .* because of: )?NOPERM User \S* has no permissions to run the ('.*' command)\r\n"
        ),
        re.compile(
            rb"-(?:EXECABORT .* because of: )?NOPERM this user has no permissions to run the ('.*' command)\r\n"
        ),
    ),
    (
        re.compile(rb"-NOPERM No permissions to access a (key|channel)\r\n"),
        re.compile(
            rb"-NOPERM this user has no permissions to access one of the (key|channel)s used as arguments\r\n"
        ),
    ),
)
_DRY: Final = re.compile(rb"(?:This user|User \S*) (has no permissions to .*)")


def same_refusal(ours: bytes, theirs: bytes) -> bool:
    """Whether both refuse the same for the same reason; 7.2 changed the words."""
    for mine, other in _REFUSALS:
        one, two = mine.fullmatch(ours), other.fullmatch(theirs)
        if one is not None and two is not None:
            return one[1] == two[1]
    return False


def same_dry_run(argv: list[bytes], ours: Tree, theirs: Tree) -> bool:
    """As `same_refusal`, for what ACL DRYRUN says."""
    if not isinstance(ours, bytes) or not isinstance(theirs, bytes):
        return ours == theirs
    one, two = _DRY.fullmatch(ours), _DRY.fullmatch(theirs)
    return one is not None and two is not None and one[1] == two[1]


def same_list(argv: list[bytes], ours: Tree, theirs: Tree) -> bool:
    """ACL LIST: the same users, line by line."""
    if not isinstance(ours, list) or not isinstance(theirs, list) or len(ours) != len(theirs):
        return False
    return all(
        isinstance(mine, bytes) and isinstance(other, bytes) and same_line(mine, other)
        for mine, other in zip(ours, theirs, strict=True)
    )


def same_line(ours: bytes, theirs: bytes) -> bool:
    """Whether two lines describe the same user."""
    mine, other = ours.replace(b" " + _SANITIZE, b"", 1), theirs.replace(b" " + _SANITIZE, b"", 1)
    if COMMAND_RULE.sub(b"", mine).split() != COMMAND_RULE.sub(b"", other).split():
        return False
    return [allowed(part) for part in _parts(mine)] == [allowed(part) for part in _parts(other)]


def _parts(line: bytes) -> list[bytes]:
    """The rules about commands of the root and of each selector."""
    return [b" ".join(COMMAND_RULE.findall(part)) for part in line.split(b" (")]


def same_user(argv: list[bytes], ours: Tree, theirs: Tree) -> bool:
    """ACL GETUSER: equal but for rules about commands, which have to allow the same."""
    return _comparable(ours) == _comparable(theirs)


def _comparable(tree: Tree) -> object:
    if isinstance(tree, tuple) and len(tree) == 2 and isinstance(tree[1], list):
        if tree[0] == "map":
            pairs = [(pair[0], pair[1]) for pair in tree[1] if isinstance(pair, tuple)]
            return [(name, _field(name, value)) for name, value in pairs]
        return (tree[0], [item for item in tree[1] if item != _SANITIZE])
    if isinstance(tree, list):
        if b"commands" in tree[::2]:
            return [(name, _field(name, value)) for name, value in zip(tree[::2], tree[1::2], strict=True)]
        return [_comparable(item) for item in tree if item != _SANITIZE]
    return tree


def _field(name: Tree, value: Tree) -> object:
    return allowed(value) if name == b"commands" and isinstance(value, bytes) else _comparable(value)


def same_log(argv: list[bytes], ours: Tree, theirs: Tree) -> bool:
    """ACL LOG: the same events; 7.2 added fields."""
    if not isinstance(ours, list) or not isinstance(theirs, list):
        return ours == theirs
    mine, other = [[_event(entry) for entry in log] for log in (ours, theirs)]
    # Since 7.2 HELLO reads all its options before it looks at the password.
    return [event for event in mine if not _is_hello(event)] == [
        event for event in other if not _is_hello(event)
    ]


def _is_hello(event: list[Tree]) -> bool:
    return event[1:2] == [b"auth"] and isinstance(event[3], bytes) and event[3].lower() == b"hello"


def _event(entry: Tree) -> list[Tree]:
    if isinstance(entry, tuple) and isinstance(entry[1], list):
        fields = {pair[0]: pair[1] for pair in entry[1] if isinstance(pair, tuple)}
    elif isinstance(entry, list):
        fields = dict(zip(entry[::2], entry[1::2], strict=True))
    else:
        return [entry]
    return [fields.get(name) for name in LOG_FIELDS]


@cache
def _catalog() -> tuple[Catalog, int]:
    """Our commands, and those of them that 7.0 has."""
    engine = Engine(Config(), ManualClock(), all_specs(), Host())
    old = 0
    for command in engine.all_commands:
        if [int(word) for word in command.spec.since.split(".")] < [7, 2]:
            old |= command.acl_bit
    return engine.access.catalog, old


@cache
def allowed(rules: bytes) -> tuple[int, tuple[tuple[bytes, tuple[bytes, ...]], ...]]:
    """What rules about commands come to: a set of commands, and first arguments of others."""
    catalog, old = _catalog()
    selector = Selector(catalog, False)
    for rule in rules.split():
        try:
            selector.apply(rule)
        except RuleError:
            continue  # a command that only the other server has
    # What a command is allowed with is of no interest while it is allowed anyway: 7.0 forgets it then.
    first_args = []
    for name, values in sorted(selector.first_args.items()):
        command = catalog.find(name)
        if command is not None and not command.acl_bit & selector.commands:
            first_args.append((name, tuple(sorted(values))))
    return selector.commands & old, tuple(first_args)
