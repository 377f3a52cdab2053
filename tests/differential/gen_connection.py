"""Connection commands: greetings, AUTH without a password, and CLIENT as far as the own connection goes.

CLIENT LIST and INFO describe connections that differ between servers; what can be compared of them is whether
they answer or fail. Nothing here pauses or kills.
"""

from __future__ import annotations

from hypothesis import strategies as st

Argv = list[bytes]

NAMES = [b"name", b"other", b"", b"with space", b"\xff", b"tab\t", b"~", b"!"]
WORDS = [b"ON", b"off", b"SKIP", b"YES", b"no", b"NORMAL", b"pubsub", b"x", b"", b"0", b"-1", b"1.5"]

names = st.sampled_from(NAMES)
words = st.sampled_from(WORDS)
texts = st.one_of(st.sampled_from([b"", b"hello", b"\r\n", b"\x00"]), st.binary(max_size=30))


def _words(*parts: bytes | st.SearchStrategy[bytes]) -> st.SearchStrategy[Argv]:
    return st.tuples(*[st.just(part) if isinstance(part, bytes) else part for part in parts]).map(list)


def greetings() -> st.SearchStrategy[Argv]:
    """PING ECHO HELLO AUTH RESET. QUIT would end the connection; 7.0 takes a name before a wrong option."""
    version = st.sampled_from([b"2", b"3", b"3", b"1", b"4", b"x", b"03", b"99999999999999999999"])
    return st.one_of(
        _words(b"PING"), _words(b"PING", texts), _words(b"PING", texts, texts),
        _words(b"ECHO", texts), _words(b"ECHO"),
        _words(b"HELLO"), _words(b"HELLO", version), _words(b"HELLO", version, b"SETNAME", names),
        _words(b"HELLO", version, b"AUTH", st.sampled_from([b"default", b"nobody"]), words),
        _words(b"HELLO", version, words), _words(b"HELLO", version, b"AUTH", words),
        _words(b"HELLO", b"3", b"SETNAME"),
        _words(b"AUTH", words), _words(b"AUTH", st.sampled_from([b"default", b"nobody"]), words),
        _words(b"AUTH", words, words, words), _words(b"AUTH"),
        _words(b"RESET"), _words(b"RESET", words),
    )  # fmt: skip


def clients() -> st.SearchStrategy[Argv]:
    """The CLIENT command, as far as it concerns nobody else and 7.0 has it."""
    subcommand = st.sampled_from(
        [b"ID", b"INFO", b"GETNAME", b"GETREDIR", b"UNPAUSE", b"HELP", b"NOSUCH", b"list", b"Kill"]
    )
    identifiers = st.sampled_from([b"999999999", b"0", b"-1", b"x", b"", b"99999999999999999999"])
    return st.one_of(
        _words(b"CLIENT"), _words(b"CLIENT", subcommand), _words(b"CLIENT", subcommand, words),
        _words(b"CLIENT", b"SETNAME", names), _words(b"CLIENT", b"GETNAME"),
        _words(b"CLIENT", b"LIST"), _words(b"CLIENT", b"LIST", words),
        _words(b"CLIENT", b"LIST", b"TYPE", words),
        _words(b"CLIENT", b"LIST", b"ID", identifiers, identifiers),
        _words(b"CLIENT", b"REPLY", st.sampled_from([b"ON", b"on", b"SKIP", b"x"])),
        _words(b"CLIENT", b"NO-EVICT", words), _words(b"CLIENT", b"NO-EVICT"),
    )  # fmt: skip


def commands() -> st.SearchStrategy[Argv]:
    """One command of the group, right or wrong."""
    return st.one_of(greetings(), clients())
