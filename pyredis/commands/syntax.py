"""The syntax of commands: one line that people write and the argument tree that COMMAND DOCS reports.

A command declares its syntax as one string, close to the line that documentation prints, and
`parse_syntax` derives from it every name, type, token and flag of the tree. `render_syntax` goes on from
the tree to the line for readers, in which the names that only tools care about are gone. Nothing here
knows a command or a reply; nothing is parsed before somebody asks, so a start pays for no documentation.

The notation, by example:

    count                        a value; its type follows from its name, and is string for most names
    value:integer                a value of another type than its name suggests
    addr<ip:port>                a value that readers see as ip:port
    "ip:port"                    a name that is no plain word
    pattern#1                    found by that key specification; a key without # takes the next one
    ASYNC                        a pure token, called async
    change=CH   equal="="        a pure token under another name, and one that is no plain word
    COUNT count                  a value introduced by a token
    (field value)                a block, called field_value after its parts
    (ASC | DESC)                 one of several, called asc_desc
    order:(ASC | DESC)           a group under another name; (pattern) is a block of a single part
    LIMIT (offset count)         a group introduced by a token
    [x]   [x y]   [x | y]        an optional argument, block, one-of
    key...                       once or more: key [key ...]
    [KEYS key...]                the value repeats after one token: [KEYS key [key ...]]
    [GET... pattern]             the token repeats too: [GET pattern [GET pattern ...]]
    GET @6.2.0                   since that version; @2.8.12..7.0.0 until deprecated, @..2.8.12 only that

Lower case is a name, upper case a token. A token belongs to the value or group right behind it, so a pure
token before a value is written with its name: `fields=FIELDS numfields`. Versions end an argument, within
the brackets that make it optional: `[GET @6.2.0]`. An alternative of several parts is a block of its own,
`|` binding last: `(BYRADIUS radius | BYBOX width height)`. All together, SET is

    key value [condition:(NX | XX) @2.6.12] [GET @6.2.0] [expiration:(EX seconds @2.6.12
    | PX milliseconds @2.6.12 | EXAT unix-time-seconds @6.2.0
    | PXAT unix-time-milliseconds @6.2.0 | KEEPTTL @6.0.0)]

A text outside the notation is a ValueError that names the offending part.
"""

from __future__ import annotations

import re
from typing import Final

BLOCK: Final = "block"
KEY: Final = "key"
ONEOF: Final = "oneof"
PURE_TOKEN: Final = "pure-token"
STRING: Final = "string"

VALUE_TYPES: Final = frozenset({"string", "integer", "double", "key", "pattern", "unix-time"})

# Only names that mean the same nearly everywhere have a type of their own. `min`, for instance, is a
# score here and a lexicographic bound there, and so is written with its type where it is not a string.
DEFAULT_TYPES: Final[dict[str, str]] = {
    name: value_type
    for value_type, names in {
        "key": "key key1 key2 source src sourcekey destination dst destkey newkey",
        "pattern": "pattern",
        "unix-time": "unix-time-seconds unix-time-milliseconds",
        "double": "longitude latitude radius width height score timeout",
        "integer": (
            "bit client-id count cursor db decrement destination-db end end-slot frequency increment index"
            " len limit milliseconds numfields numkeys numreplicas offset port rank seconds slot start"
            " start-slot stop version weight"
        ),
    }.items()
    for name in names.split()
}

# A compiled pattern would be built at import; the cache of `re` keeps it from the first use on.
_LEXEME: Final = (
    r"\.\.\."
    r"|@\d+(?:\.\d+)*(?:\.\.\d+(?:\.\d+)*)?"
    r"|@\.\.\d+(?:\.\d+)*"
    r"|#\d+"
    r'|"[^"]*"'
    r"|<[^<>]+>"
    r"|[A-Za-z0-9_/-]+"
    r"|[^\s]"
)
_STRAY: Final = r"[^\w/()\[\]|=:-]"
_TOKEN: Final = r"[A-Z][A-Z0-9_/-]*"
_NAME: Final = r"[a-z0-9][a-z0-9_/-]*"


class Argument:
    """One node of the argument tree of a command: a value, a pure token, a block or a one-of.

    `token` is None where there is none: MIGRATE has an argument whose token is empty. `display_text` says
    something only for values and tokens, and `arguments` holds the parts of a group, which others lack.
    """

    def __init__(self, name: str, kind: str) -> None:
        self.name = name
        self.type = kind
        self.display_text = name
        self.key_spec_index: int | None = None
        self.token: str | None = None
        self.since: str | None = None
        self.deprecated_since: str | None = None
        self.optional = False
        self.multiple = False
        self.multiple_token = False
        self.arguments: list[Argument] = []

    def is_group(self) -> bool:
        """Tells whether the argument consists of others."""
        return self.type == ONEOF or self.type == BLOCK


def parse_syntax(text: str) -> list[Argument]:
    """Derives the argument tree from a syntax line in the notation of this module."""
    return _Parser(text).parse()


def render_syntax(arguments: list[Argument]) -> str:
    """Writes the syntax line that readers know: `key value [NX | XX] [GET] ...`."""
    return " ".join([_render(argument) for argument in arguments])


class _Parser:
    """Recursive descent over the lexemes of one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lexemes: list[str] = re.findall(_LEXEME, text)
        self._position = 0
        self._next_key_spec = 0
        for lexeme in self._lexemes:
            if re.fullmatch(_STRAY, lexeme) is not None:
                raise self._error(f"unexpected {lexeme!r}")

    def parse(self) -> list[Argument]:
        if not self._lexemes:
            return []
        alternatives = self._alternatives("")
        if len(alternatives) > 1:
            raise self._error("'|' outside of a group")
        return alternatives[0]

    def _alternatives(self, closing: str) -> list[list[Argument]]:
        """Reads up to the closing bracket: the parts of each alternative, of which a block has one."""
        alternatives: list[list[Argument]] = [[]]
        while self._peek() != closing:
            if self._accept("|"):
                alternatives.append([])
            else:
                alternatives[-1].append(self._argument())
        self._position += 1
        if not all(alternatives):
            raise self._error("an empty alternative")
        return alternatives

    def _argument(self) -> Argument:
        if self._accept("["):
            alternatives = self._alternatives("]")
            if len(alternatives) == 1 and len(alternatives[0]) == 1:
                argument = alternatives[0][0]
            else:
                argument = self._group(None, alternatives)
            if argument.optional:
                raise self._error(f"{argument.name!r} is optional already")
            argument.optional = True
            return argument
        argument = self._token_and_value()
        if self._accept("..."):
            if argument.multiple:
                raise self._error(f"{argument.name!r} repeats already")
            argument.multiple = True
        if self._peek().startswith("@"):
            self._versions(argument, self._take()[1:])
        return argument

    def _token_and_value(self) -> Argument:
        if re.fullmatch(_TOKEN, self._peek()) is None:
            return self._value()
        token = self._take()
        repeats = self._accept("...")
        if not self._value_follows():
            return self._pure_token(token.lower(), token, repeats)
        argument = self._value()
        argument.token = token
        argument.multiple = repeats
        argument.multiple_token = repeats
        return argument

    def _value_follows(self) -> bool:
        lexeme = self._peek()
        if lexeme == "(":
            return True
        return (lexeme.startswith('"') or re.fullmatch(_NAME, lexeme) is not None) and self._peek(1) != "="

    def _value(self) -> Argument:
        """Reads a group, a named pure token, or a name with whatever is said about it."""
        if self._accept("("):
            return self._group(None, self._alternatives(")"))
        name = self._name()
        if self._accept("="):
            token = self._take()
            if token.startswith('"'):
                token = token[1:-1]
            elif re.fullmatch(_TOKEN, token) is None:
                raise self._error(f"{token!r} is no token")
            return self._pure_token(name, token, repeats=False)
        value_type = DEFAULT_TYPES.get(name, STRING)
        if self._accept(":"):
            if self._accept("("):
                return self._group(name, self._alternatives(")"))
            value_type = self._take()
            if value_type not in VALUE_TYPES:
                raise self._error(f"{value_type!r} is no type")
        argument = Argument(name, value_type)
        if self._peek().startswith("<"):
            argument.display_text = self._take()[1:-1]
        self._key_spec(argument)
        return argument

    def _name(self) -> str:
        lexeme = self._take()
        if len(lexeme) > 2 and lexeme.startswith('"'):
            return lexeme[1:-1]
        if re.fullmatch(_NAME, lexeme) is None:
            raise self._error(f"unexpected {lexeme!r}")
        return lexeme

    def _key_spec(self, argument: Argument) -> None:
        if self._peek().startswith("#"):
            argument.key_spec_index = int(self._take()[1:])
        elif argument.type == KEY:
            argument.key_spec_index = self._next_key_spec
        else:
            return
        self._next_key_spec = max(self._next_key_spec, argument.key_spec_index + 1)

    def _versions(self, argument: Argument, versions: str) -> None:
        since, _, deprecated_since = versions.partition("..")
        argument.since = since or None
        argument.deprecated_since = deprecated_since or None

    def _pure_token(self, name: str, token: str, repeats: bool) -> Argument:
        argument = Argument(name, PURE_TOKEN)
        argument.token = token
        argument.multiple = repeats
        return argument

    def _group(self, name: str | None, alternatives: list[list[Argument]]) -> Argument:
        if len(alternatives) == 1:
            kind, parts = BLOCK, alternatives[0]
        else:
            kind = ONEOF
            parts = [items[0] if len(items) == 1 else self._group(None, [items]) for items in alternatives]
        group = Argument(name if name is not None else "_".join([part.name for part in parts]), kind)
        group.arguments = parts
        return group

    def _peek(self, ahead: int = 0) -> str:
        position = self._position + ahead
        return self._lexemes[position] if position < len(self._lexemes) else ""

    def _accept(self, lexeme: str) -> bool:
        if self._peek() != lexeme:
            return False
        self._position += 1
        return True

    def _take(self) -> str:
        lexeme = self._peek()
        if not lexeme:
            raise self._error("unexpected end")
        self._position += 1
        return lexeme

    def _error(self, reason: str) -> ValueError:
        return ValueError(f"{reason} in the syntax {self._text!r}")


def _render(argument: Argument) -> str:
    body = repeated = _render_body(argument)
    # Alternatives need brackets of their own, unless those of an option stand right around them.
    framed = argument.type == ONEOF and argument.token is not None
    if framed:
        body = repeated = f"<{body}>"
    if argument.token is not None and argument.type != PURE_TOKEN:
        body = f"{argument.token} {body}"
        if argument.multiple_token:
            repeated = body
    if argument.multiple:
        body = f"{body} [{repeated} ...]"
    if argument.optional:
        return f"[{body}]"
    return f"<{body}>" if argument.type == ONEOF and not framed else body


def _render_body(argument: Argument) -> str:
    if argument.type == ONEOF:
        return " | ".join([_render(part) for part in argument.arguments])
    if argument.type == BLOCK:
        return render_syntax(argument.arguments)
    if argument.type == PURE_TOKEN:
        return argument.token or '""'
    return argument.display_text
