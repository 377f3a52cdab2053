"""Access control: users with random rules, what they may run and what is said of it, and requests in their names.

Users and keys are few, so that rules meet, undo and outlive each other. The user `default` stays as it is: the
comparison itself runs in its name. A client that has logged in as somebody stays so for a while.
"""

from __future__ import annotations

from hypothesis import strategies as st

from pyredis.acl.categories import ACL_CATEGORIES

Argv = list[bytes]

USERS = [b"u1", b"u2", b"u3"]
COMMANDS = [
    b"get", b"set", b"mget", b"del", b"exists", b"incr", b"append", b"lpush", b"hget", b"hset", b"sort", b"sort_ro",
    b"copy", b"rename", b"zadd", b"zunionstore", b"sintercard", b"publish", b"subscribe", b"psubscribe", b"spublish",
    b"select", b"config", b"config|get", b"client", b"client|getname", b"client|list", b"acl", b"acl|whoami",
    b"acl|list", b"object|encoding", b"multi", b"exec", b"watch", b"ping", b"xread", b"xreadgroup", b"bitfield",
    b"georadius", b"SET", b"Config|Get", b"auth", b"blpop",
]  # fmt: skip
PATTERNS = [b"*", b"k*", b"k1", b"k[12]", b"", b"c*", b"c1", b"?2", b"k 1", b"\\k1"]
REQUESTS = [
    "get k1", "set k2 v", "set k1 v get", "mget k1 k2 c1", "mset k1 a k2 b", "del k1 c1", "exists k1 k3",
    "incr k3", "append k1 x", "lpush k4 a", "hset k5 f v", "hget k5 f", "sort k4", "sort k4 by k* get k*",
    "sort k4 get #", "sort k4 by x alpha store k5", "sort_ro k4 by k*", "copy k1 k2", "rename k1 k2",
    "zadd k4 1 a", "zunionstore k1 2 k2 k3", "sintercard 2 k1 k2", "lmpop 2 k1 k2 left", "publish c1 m",
    "publish k1 m", "spublish c2 m", "pubsub channels", "subscribe c1 c2", "psubscribe c*", "psubscribe c1",
    "ssubscribe c1", "unsubscribe c9", "select 0", "select 1", "config get maxclients", "config",
    "client getname", "client nosuch", "acl whoami", "multi", "exec", "discard", "watch k1 c1", "ping",
    "xread streams k1 k2 0 0", "xadd k3 1-1 f v", "bitfield k1 get u8 0", "bitfield k1 set u8 0 1",
    "bitfield_ro k1 get u8 0", "georadius k1 0 0 1 m store k2", "georadius k1 0 0 1 m",
    "object encoding k1", "touch k1", "getdel k1", "getex k1", "getex k1 persist", "smove k1 k2 a",
    "dump k1", "type k1", "expire k1 100", "lcs k1 k2", "pfcount k1", "pfmerge k1 k2", "get", "nosuch k1",
    "randomkey", "dbsize", "echo x", "time", "flushdb", "debug object k1",
    "command count", "setbit k1 1 1",
]  # fmt: skip

users = st.sampled_from(USERS)
passwords = st.sampled_from([b"a", b"b", b"", b"a b", b"\xff"])
HASHES = [
    b"ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",  # of `a`
    b"CA978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
    b"abc",
    b"0" * 64,
]
requests = st.sampled_from([request.encode().split() for request in REQUESTS])
waits = st.sampled_from(
    [b"blpop k1 c1 0".split(), b"blmpop 0 2 k1 k2 left".split(), b"bzpopmin k1 0".split()]
)
"""Requests that are only asked about, as they might wait."""


def _prefixed(prefixes: list[bytes], of: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return st.tuples(st.sampled_from(prefixes), of).map(b"".join)


def selector_rules() -> st.SearchStrategy[bytes]:
    """Rules that may stand inside parentheses."""
    categories = st.sampled_from([b"all", b"nosuch", b"ALL", *[name.encode() for name in ACL_CATEGORIES]])
    first_args = st.sampled_from(
        [b"select|0", b"get|k1", b"SELECT|1", b"config|get|x", b"get|", b"config|nosuch"]
    )
    return st.one_of(
        st.sampled_from(
            [
                b"allkeys",
                b"resetkeys",
                b"allchannels",
                b"resetchannels",
                b"allcommands",
                b"nocommands",
                b"+@all",
            ]
        ),
        _prefixed([b"+", b"+", b"+", b"-"], st.sampled_from(COMMANDS)),
        _prefixed([b"+@", b"-@"], categories),
        _prefixed([b"+", b"-"], first_args),
        _prefixed([b"~", b"%R~", b"%W~", b"%RW~", b"%wr~", b"%~", b"%RR~", b"%R"], st.sampled_from(PATTERNS)),
        _prefixed([b"&"], st.sampled_from(PATTERNS)),
    )


def rules() -> st.SearchStrategy[bytes]:
    """One rule, right or wrong."""
    selectors = st.lists(selector_rules(), max_size=4).map(lambda inner: b"(" + b" ".join(inner) + b")")
    return st.one_of(
        selector_rules(),
        selector_rules(),
        st.sampled_from(
            [
                b"on",
                b"on",
                b"on",
                b"off",
                b"nopass",
                b"resetpass",
                b"reset",
                b"clearselectors",
                b"(",
                b")",
                b"((",
                b"",
            ]
        ),
        st.sampled_from(
            [b"skip-sanitize-payload", b"sanitize-payload", b"ON", b"nosuch", b"~", b"+", b"-", b"\x00"]
        ),
        _prefixed([b">", b"<"], passwords),
        _prefixed([b"#", b"!"], st.sampled_from(HASHES)),
        selectors,
    )


def _words(*parts: bytes | st.SearchStrategy[bytes]) -> st.SearchStrategy[Argv]:
    return st.tuples(*[st.just(part) if isinstance(part, bytes) else part for part in parts]).map(list)


def opens_once(words: list[bytes]) -> bool:
    """A second parenthesis before the end of the first makes 7.0 forget what came before, 7.4 not."""
    return sum(word.startswith(b"(") and not word.endswith(b")") for word in words) < 2


def commands() -> st.SearchStrategy[Argv]:
    """One command of the group or one that users may be refused."""
    changes = st.tuples(users, st.lists(rules(), max_size=6)).map(
        lambda it: [b"ACL", b"SETUSER", it[0], *it[1]]
    )
    openings = st.tuples(users, st.lists(rules(), max_size=3)).map(
        lambda it: [b"ACL", b"SETUSER", it[0], b"on", b"nopass", *it[1]]
    )
    dry_runs = st.tuples(users, st.one_of(requests, requests, waits)).map(
        lambda it: [b"ACL", b"DRYRUN", it[0], *it[1]]
    )
    categories = st.sampled_from([b"nosuch", b"", b"list", b"GEO", b"pubsub", b"transaction", b"hyperloglog"])
    return st.one_of(
        changes, changes, openings,
        dry_runs, dry_runs, dry_runs, requests, requests, requests,
        _words(b"AUTH", users, passwords), _words(b"AUTH", users, b"a"), _words(b"AUTH", passwords),
        _words(b"AUTH", b"default", b""), _words(b"HELLO", b"3", b"AUTH", users, b"a"),
        _words(b"ACL", b"GETUSER", users), _words(b"ACL", b"LIST"), _words(b"ACL", b"USERS"),
        _words(b"ACL", b"WHOAMI"), _words(b"ACL", b"CAT"), _words(b"ACL", b"CAT", categories),
        _words(b"ACL", b"DELUSER", users), _words(b"ACL", b"DELUSER", users, users),
        _words(b"ACL", b"LOG"), _words(b"ACL", b"LOG", st.sampled_from([b"1", b"RESET", b"-1", b"x", b"100"])),
        _words(b"ACL", b"GENPASS", st.sampled_from([b"1", b"256", b"0", b"4097", b"x"])), _words(b"ACL", b"HELP"),
        _words(b"ACL", st.sampled_from([b"LOAD", b"SAVE", b"NOSUCH", b"list", b"cat", b"SETUSER", b"LOG"]), passwords),
        _words(b"ACL", st.sampled_from([b"LOAD", b"SAVE", b"GETUSER", b"DRYRUN"])),
        _words(b"RESET"),
    )  # fmt: skip
