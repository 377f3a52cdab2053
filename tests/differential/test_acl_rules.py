"""ACL rules beside the real Redis: what we show of rules, it reads as the same ones; and a table of who may what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from pyredis.acl.categories import ACL_CATEGORIES
from tests.differential.gen_acl import opens_once, requests, rules
from tests.differential.normalise_acl import same_dry_run
from tests.differential.peers import SocketPeer
from tests.support.inprocess import Client, InProcess
from tests.support.servers import RedisServer, find_redis_server
from tests.support.wire import Tree, decode

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(find_redis_server() is None, reason="redis-server is not installed")

SETTINGS = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
)
TABLE = {
    "nothing": [],
    "some commands": [b"+get", b"+mset", b"+copy", b"+bitfield", b"+config|get", b"-ping"],
    "all but some": [b"+@all", b"-@dangerous", b"+keys", b"-client", b"+client|getname"],
    "categories": [b"+@read", b"+@write", b"-@list", b"+@pubsub", b"-@fast", b"+@connection"],
    "first arguments": [b"+select|1", b"+get|k1", b"+config|set"],
    "keys": [b"+@all", b"~k1", b"%R~k2", b"%W~k3"],
    "channels": [b"+@all", b"~*", b"&c*", b"&d"],
    "selectors": [b"+get", b"~k1", b"(+@all -@write ~k2)", b"(+set %W~k*)", b"(+publish &c)"],
}
"""Rules to be tried on every request."""
REQUESTS = [
    request.split()
    for request in (
        b"get k1", b"get k2", b"get k3", b"get x", b"set k1 v", b"set k2 v", b"set k3 v", b"set k3 v get",
        b"mget k1 k2", b"mset k1 a k3 b", b"copy k2 k3", b"copy k3 k2", b"rename k1 k2", b"del k3",
        b"exists k2 k3", b"bitfield k2 get u8 0", b"bitfield k2 set u8 0 1", b"bitfield k3 incrby u8 0 1",
        b"sort k2 store k3", b"sort k1 by w* get g*", b"zunionstore k3 2 k1 k2", b"zinter 2 k1 k2",
        b"georadius k1 0 0 1 m store k3", b"xread streams k1 k2 0 0", b"xreadgroup group g c streams k1 >",
        b"lmove k1 k2 left left", b"blpop k1 k2 0", b"lpop k3", b"hget k2 f", b"hincrby k3 f 1",
        b"pfcount k1 k2", b"pfmerge k3 k2", b"object freq k2", b"dump k2", b"restore k3 0 x",
        b"sintercard 2 k1 k2", b"setrange k3 0 x", b"strlen k3", b"type x", b"keys *", b"ping", b"select 0",
        b"select 1", b"config get x", b"config set x y", b"client getname", b"client list", b"auth x y",
        b"publish c m", b"publish x m", b"subscribe c d", b"subscribe c x", b"psubscribe c*",
        b"psubscribe c", b"ssubscribe d", b"spublish c1 m", b"unsubscribe x", b"multi", b"acl whoami",
        b"flushall", b"randomkey", b"touch x",
    )
]  # fmt: skip


@pytest.fixture(scope="module")
def oracle() -> Iterator[SocketPeer]:
    with RedisServer() as server:
        peer = SocketPeer("127.0.0.1", server.port)
        yield peer
        peer.stop()


@pytest.fixture
def ours() -> Client:
    return InProcess().client()


def described(oracle: SocketPeer, name: bytes) -> Tree:
    reply = decode(oracle.control(b"ACL", b"GETUSER", name))
    assert isinstance(reply, list), name
    flags = reply[1]
    assert isinstance(flags, list)
    return [
        sorted(flag for flag in flags if flag != b"sanitize-payload" and isinstance(flag, bytes)),
        *reply[2:],
    ]


@SETTINGS
@given(words=st.lists(rules(), max_size=8).filter(opens_once))
def test_redis_reads_our_rules_as_the_same(oracle: SocketPeer, ours: Client, words: list[bytes]) -> None:
    # LIST shows `%RW~*` as `~*`, in Redis as here, which means more.
    assume(not any(b"%" in word and b"~*" in word for word in words))
    for client in (oracle.control, ours.command):
        client(b"ACL", b"DELUSER", b"given", b"shown")
    theirs = oracle.control(b"ACL", b"SETUSER", b"given", *words)
    assert ours.command(b"ACL", b"SETUSER", b"given", *words) == theirs
    if not theirs.startswith(b"+"):
        return
    lines = decode(ours.command(b"ACL", b"LIST"))
    assert isinstance(lines, list)
    line = lines[-1]
    assert isinstance(line, bytes)
    assert oracle.control(b"ACL", b"SETUSER", b"shown", *line.split(b" ")[2:]) == b"+OK\r\n"
    # With all commands from the start 7.0 forgets first arguments, and writes down what it makes of the rest.
    assert described(oracle, b"shown") == described(oracle, b"given")


@SETTINGS
@given(words=st.lists(rules(), max_size=6).filter(opens_once), argv=requests)
def test_dry_runs(oracle: SocketPeer, ours: Client, words: list[bytes], argv: list[bytes]) -> None:
    for client in (oracle.control, ours.command):
        client(b"ACL", b"DELUSER", b"given")
        client(b"ACL", b"SETUSER", b"given", *words)
    request = [b"ACL", b"DRYRUN", b"given", *argv]
    mine, theirs = decode(ours.command(*request)), decode(oracle.control(*request))
    assert mine == theirs or same_dry_run(request, mine, theirs)


@pytest.mark.parametrize("name", TABLE)
def test_table(oracle: SocketPeer, ours: Client, name: str) -> None:
    for client in (oracle.control, ours.command):
        client(b"ACL", b"DELUSER", b"table")
        assert client(b"ACL", b"SETUSER", b"table", *TABLE[name]) == b"+OK\r\n"
    for argv in REQUESTS:
        request = [b"ACL", b"DRYRUN", b"table", *argv]
        mine, theirs = decode(ours.command(*request)), decode(oracle.control(*request))
        assert mine == theirs or same_dry_run(request, mine, theirs), (argv, mine, theirs)


@pytest.mark.parametrize("category", ACL_CATEGORIES)
def test_members_of_categories(oracle: SocketPeer, ours: Client, category: str) -> None:
    mine, theirs = (
        decode(ours.command("ACL", "CAT", category)),
        decode(oracle.control(b"ACL", b"CAT", category.encode())),
    )
    assert isinstance(mine, list)
    assert isinstance(theirs, list)
    known = {name for name in mine if isinstance(name, bytes)}
    expected = {name for name in theirs if isinstance(name, bytes)}
    everything = decode(ours.command("COMMAND", "LIST"))
    assert isinstance(everything, list)
    assert {name for name in expected if name in everything} <= known
    oracle_list = decode(oracle.control(b"COMMAND", b"LIST"))
    assert isinstance(oracle_list, list)
    assert {name for name in known if name in oracle_list} <= expected
