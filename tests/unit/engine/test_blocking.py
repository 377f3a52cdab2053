"""Waiting clients, without any command: order, deadlines, timers, and that nothing is left behind."""

from __future__ import annotations

import random

from pyredis.clock import ManualClock
from pyredis.config import Config
from pyredis.datatypes.list_value import ListValue
from pyredis.engine.blocking import BLOCKING_TIMER, UNBLOCKED_ERROR, BlockedOperation
from pyredis.engine.engine import Engine, Host, PropagationSink
from pyredis.errors import CommandError
from pyredis.keyspace.database import Database
from tests.support.inprocess import Client

START_MS = 1_700_000_000_000
NULL_ARRAY = b"*-1\r\n"


class Timers(Host):
    """Keeps what was asked for."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def call_later(self, seconds: float, what: str) -> None:
        assert what == BLOCKING_TIMER
        self.seconds.append(seconds)


class Scene:
    """An engine, clients, and the order in which they were served."""

    def __init__(self) -> None:
        self.clock = ManualClock(START_MS)
        self.timers = Timers()
        self.engine = Engine(Config(), self.clock, [], self.timers)
        self.engine.apply_config()
        self.db = self.engine.keyspace.databases[0]
        self.served: list[tuple[str, bytes]] = []

    def wait(self, name: str, *keys: bytes, after_ms: int = 0) -> Taker:
        taker = Taker(self, name, list(keys), START_MS + after_ms if after_ms else 0)
        self.engine.blocking.wait(taker)
        return taker

    def put(self, key: bytes, portions: int = 1) -> None:
        """Stores a value that can serve so many clients."""
        value = ListValue()
        value.count = portions
        self.db.store(key, value)

    def go_on(self) -> list[tuple[str, bytes]]:
        """Ends the command, and tells who was served at which key."""
        self.engine.blocking.serve_ready()
        served, self.served = self.served, []
        return served

    def elapse(self, milliseconds: int) -> None:
        self.clock.advance(milliseconds)
        self.engine.blocking.expire()

    def is_empty(self) -> bool:
        blocking = self.engine.blocking
        return not blocking.operations and not blocking.losses_noticed and not self.db.blocked


class Taker(BlockedOperation):
    """Takes one portion of the value, and puts one at `follow`, if there is such a key."""

    def __init__(self, scene: Scene, name: str, keys: list[bytes], deadline_ms: int) -> None:
        client = Client(scene.engine)
        super().__init__(client.session, keys, deadline_ms)
        self.client = client
        self.scene = scene
        self.name = name
        self.follow = b""
        self.refuses = False
        self.tries = 0

    def serve(self, key: bytes) -> bytes | None:
        self.tries += 1
        value = self.database.peek(key)
        if self.refuses:
            return None
        if not isinstance(value, ListValue):
            raise CommandError(b"ERR gone")
        value.count -= 1
        if value.count == 0:
            self.database.delete(key)
        self.scene.served.append((self.name, key))
        if self.follow:
            self.scene.put(self.follow)
        return b"+served\r\n"


def test_first_come_first_served_at_each_key() -> None:
    scene = Scene()
    for name in "abcd":
        scene.wait(name, b"k")
    scene.wait("e", b"l")
    scene.put(b"l")
    scene.put(b"k", 3)
    assert scene.go_on() == [("e", b"l"), ("a", b"k"), ("b", b"k"), ("c", b"k")]
    scene.put(b"k", 3)
    assert scene.go_on() == [("d", b"k")]
    assert scene.is_empty()


def test_a_client_is_served_once() -> None:
    scene = Scene()
    scene.wait("a", b"k", b"l", b"k")
    scene.put(b"l")
    scene.put(b"k")
    assert scene.go_on() == [("a", b"l")]
    assert scene.db.exists(b"k")
    assert scene.is_empty()


def test_the_reply_reaches_the_client() -> None:
    scene = Scene()
    taker = scene.wait("a", b"k")
    scene.put(b"k")
    scene.go_on()
    assert taker.client.received() == b"+served\r\n"


def test_nobody_is_served_before_the_command_has_ended() -> None:
    scene = Scene()
    taker = scene.wait("a", b"k")
    scene.put(b"k")
    scene.db.delete(b"k")
    assert scene.go_on() == []
    assert taker.tries == 0


def test_what_serving_makes_ready_follows() -> None:
    scene = Scene()
    scene.wait("c", b"m")
    scene.wait("b", b"l").follow = b"m"
    scene.wait("a", b"k").follow = b"l"
    scene.put(b"k")
    assert scene.go_on() == [("a", b"k"), ("b", b"l"), ("c", b"m")]


def test_who_cannot_be_served_does_not_hold_up_the_others() -> None:
    scene = Scene()
    refuser = scene.wait("a", b"k")
    refuser.refuses = True
    scene.wait("b", b"k")
    scene.wait("c", b"k")
    scene.put(b"k", 2)
    assert scene.go_on() == [("b", b"k"), ("c", b"k")]
    refuser.refuses = False
    scene.put(b"k")
    assert scene.go_on() == [("a", b"k")]


def test_a_string_serves_nobody_and_costs_nothing() -> None:
    scene = Scene()
    takers = [scene.wait("a", b"k") for _ in range(10)]
    scene.db.store(b"k", b"string")
    assert scene.go_on() == []
    assert sum(taker.tries for taker in takers) == 0


def test_those_who_notice_a_loss_are_told() -> None:
    scene = Scene()
    scene.wait("a", b"k").refuses = True
    attentive = Taker(scene, "b", [b"k"], 0)
    attentive.notices_loss = True
    scene.engine.blocking.wait(attentive)
    scene.db.store(b"k", b"string")
    scene.go_on()
    assert attentive.client.received() == b"-ERR gone\r\n"
    assert scene.engine.blocking.losses_noticed == 0
    again = Taker(scene, "b", [b"k"], 0)
    again.notices_loss = True
    scene.engine.blocking.wait(again)
    scene.db.delete(b"k")
    scene.go_on()
    assert again.client.received() == b"-ERR gone\r\n"


def test_effects_are_logged_one_by_one() -> None:
    scene = Scene()
    taker = scene.wait("a", b"k")
    units: list[list[tuple[int, list[bytes]]]] = []

    class Effect(Taker):
        def serve(self, key: bytes) -> bytes | None:
            self.ctx.propagate_as([b"TAKE", key])
            return super().serve(key)

    taker.client.disconnect()
    for name in "ab":
        scene.engine.blocking.wait(Effect(scene, name, [b"k"], 0))
    scene.engine.add_sink(Sink(units))
    scene.put(b"k", 2)
    scene.go_on()
    assert units == [[(0, [b"TAKE", b"k"])]] * 2


class Sink(PropagationSink):
    """Stands for a log."""

    def __init__(self, units: list[list[tuple[int, list[bytes]]]]) -> None:
        self.units = units

    def write(self, commands: list[tuple[int, list[bytes]]]) -> None:
        self.units.append(list(commands))


def test_deadlines_pass_in_their_order() -> None:
    scene = Scene()
    takers = [scene.wait(str(ms), b"k", after_ms=ms) for ms in (300, 100, 200, 100)]
    scene.elapse(99)
    assert all(taker.is_waiting for taker in takers)
    scene.elapse(1)
    assert [taker.is_waiting for taker in takers] == [True, False, True, False]
    assert takers[1].client.received() == NULL_ARRAY
    scene.elapse(1000)
    assert scene.is_empty()


def test_the_host_is_asked_for_one_timer() -> None:
    scene = Scene()
    asked = scene.timers.seconds
    scene.wait("a", b"k", after_ms=500)
    scene.wait("b", b"k", after_ms=700)
    scene.wait("c", b"k")
    assert asked == [0.5]
    scene.wait("d", b"k", after_ms=100)
    assert asked == [0.5, 0.1]
    scene.elapse(100)
    assert asked == [0.5, 0.1, 0.4]
    scene.elapse(399)  # the host's clock may be ahead of ours
    assert asked == [0.5, 0.1, 0.4, 0.001]
    scene.elapse(1)
    assert asked == [0.5, 0.1, 0.4, 0.001, 0.2]
    scene.elapse(200)
    assert len(asked) == 5


def test_a_timer_for_someone_who_has_left_is_harmless() -> None:
    scene = Scene()
    scene.wait("a", b"k", after_ms=100).client.disconnect()
    scene.wait("b", b"k", after_ms=300)
    scene.elapse(100)
    assert scene.timers.seconds == [0.1, 0.2]


def test_deadlines_of_those_served_do_not_pile_up() -> None:
    scene = Scene()
    for turn in range(2000):
        scene.wait("a", b"k", after_ms=10_000 + turn)
        scene.put(b"k")
        scene.go_on()
    assert len(scene.engine.blocking.deadlines) <= 66


def test_unblocking() -> None:
    scene = Scene()
    blocking = scene.engine.blocking
    one, two = scene.wait("a", b"k", b"l"), scene.wait("b", b"k")
    assert blocking.unblock(one.ctx, False)
    assert blocking.unblock(two.ctx, True)
    assert (one.client.received(), two.client.received()) == (NULL_ARRAY, UNBLOCKED_ERROR)
    assert not blocking.unblock(one.ctx, False)
    assert scene.engine.error_counts == {b"UNBLOCKED": 1}
    assert scene.is_empty()


def test_databases_keep_their_clients_when_they_are_swapped() -> None:
    scene = Scene()
    scene.wait("a", b"k")
    other: Database = scene.engine.keyspace.databases[1]
    value = ListValue()
    value.count = 1
    other.store(b"k", value)
    assert scene.go_on() == []
    scene.engine.keyspace.swap(0, 1)
    assert scene.go_on() == [("a", b"k")]


def test_nothing_is_left_of_any_wait() -> None:
    rng = random.Random(5)
    scene = Scene()
    waiting: list[Taker] = []
    for turn in range(3000):
        waiting = [taker for taker in waiting if taker.is_waiting]
        kind = rng.random()
        if kind < 0.5 and len(waiting) < 50:
            keys = [b"k%d" % rng.randrange(6) for _ in range(rng.randint(1, 4))]
            waiting.append(scene.wait(str(turn), *keys, after_ms=turn + rng.randrange(200)))
        elif kind < 0.8:
            key = b"k%d" % rng.randrange(6)
            scene.put(key, rng.randint(1, 3))
            before = [taker.name for taker in waiting if key in taker.keys]
            served = scene.go_on()
            assert [name for name, _ in served] == before[: len(served)]
        elif waiting and kind < 0.9:
            rng.choice(waiting).client.disconnect()
        scene.elapse(1)
        blocked = {operation for waiters in scene.db.blocked.values() for operation in waiters}
        assert blocked == set(scene.engine.blocking.operations.values())
        assert all(scene.db.blocked.values())
    scene.elapse(1000)
    assert scene.is_empty()
