"""The power goes at any operation on the disk: what was acknowledged is there, and a restart needs no help."""

from __future__ import annotations

import random

import pytest

from tests.support.disk import FakeDisk, PowerLossError
from tests.support.inprocess import Client
from tests.support.logged import LoggedServer
from tests.support.wire import decode

LIVES = 6


def members(client: Client) -> list[int]:
    """The list that every life appends to."""
    reply = decode(client.command("LRANGE", "list", "0", "-1"))
    assert isinstance(reply, list)
    return [int(member) for member in reply if isinstance(member, bytes)]


class Life:
    """One run of the server, up to the moment when the power goes."""

    def __init__(self, disk: FakeDisk, policy: bytes, chance: random.Random) -> None:
        self.disk = disk
        self.chance = chance
        self.logged = LoggedServer(disk, (b"appendfsync", policy))
        self.client = self.logged.client()
        self.next_number = len(members(self.client))
        self.acknowledged = self.synced = self.next_number
        self.is_rewriting = False

    def run(self) -> None:
        """Lives until `PowerLossError`."""
        self.disk.steps_left = self.chance.randrange(150)
        while True:
            if self.client.wire.is_closed:
                self.client = self.logged.client()
            for _ in range(self.chance.randrange(1, 4)):
                self._append(self.chance.randrange(1, 3))
            self.logged.round()
            if self.client.received():
                self.acknowledged = self.next_number
            if self.chance.random() < 0.3:
                self._sync()
            self._rewrite()

    def _append(self, count: int) -> None:
        """Appends the next numbers, several in one transaction."""
        if count > 1:
            self.client.command("MULTI")
        for _ in range(count):
            self.client.command("RPUSH", "list", self.next_number)
            self.next_number += 1
        if count > 1:
            self.client.command("EXEC")

    def _rewrite(self) -> None:
        """Begins or ends a rewrite now and then."""
        if self.is_rewriting and self.chance.random() < 0.4:
            self.is_rewriting = False
            self.logged.end_rewrite()
        elif not self.is_rewriting and self.chance.random() < 0.15:
            self.is_rewriting = True
            self.logged.begin_rewrite()

    def _sync(self) -> None:
        written = self.acknowledged if not self.logged.log.is_syncing else self.synced
        self.logged.log.synced_at = 0.0
        self.logged.log.tick()
        self.logged.end_sync()
        self.synced = max(self.synced, written)


@pytest.mark.parametrize("policy", [b"always", b"everysec"])
@pytest.mark.parametrize("seed", range(60))
def test_lives(policy: bytes, seed: int) -> None:
    chance = random.Random(seed)
    disk = FakeDisk()
    for _ in range(LIVES):
        life = None
        try:
            disk.steps_left = None
            life = Life(disk, policy, chance)
            life.run()
        except PowerLossError:
            pass
        disk = disk.after_power_loss(chance)
        assert life is not None
        after = members(LoggedServer(disk, (b"appendfsync", policy)).client())
        assert after == list(range(len(after)))
        assert len(after) <= life.next_number
        assert len(after) >= (life.acknowledged if policy == b"always" else life.synced)


@pytest.mark.parametrize("seed", range(30))
def test_the_power_goes_during_the_start(seed: int) -> None:
    chance = random.Random(seed)
    disk = FakeDisk()
    for steps in range(12):
        disk.steps_left = steps
        try:
            LoggedServer(disk)
        except PowerLossError:
            disk = disk.after_power_loss(chance)
    disk.steps_left = None
    LoggedServer(disk)
