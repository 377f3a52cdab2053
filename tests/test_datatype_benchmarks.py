"""The benchmarks of the data types: their commands work, and their chart is drawn; nothing is measured here."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from benchmarks.compare.footprint import Population
from benchmarks.compare.workloads import Workload
from benchmarks.datatypes.growth import OPERATIONS, Growth, Operation, _filling
from benchmarks.datatypes.plot import draw
from benchmarks.datatypes.populations import POPULATIONS
from benchmarks.datatypes.workloads import WORKLOADS
from tests.support.inprocess import Client, InProcess

SIZE = 600


@pytest.fixture
def client() -> Client:
    return InProcess().client()


def answers(client: Client, *argv: str) -> None:
    reply = client.command(*argv)
    assert not reply.startswith(b"-"), (argv[:3], reply)


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_workloads(client: Client, workload: Workload) -> None:
    for command in workload.preload(1000):
        answers(client, *command)
    reply = client.command(*workload.sample_command())
    assert not reply.startswith((b"-", b"$-1", b"*0", b"*-1"))


def test_some_of_the_points_are_found(client: Client) -> None:
    (workload,) = [workload for workload in WORKLOADS if workload.name.startswith("GEOSEARCH")]
    for command in workload.preload(1):
        answers(client, *command)
    assert 50 < int(client.command(*workload.sample_command()).partition(b"\r\n")[0][1:]) < 1000


@pytest.mark.parametrize("population", POPULATIONS, ids=lambda population: population.name)
def test_populations(client: Client, population: Population) -> None:
    for command in population.make(7):
        answers(client, *command)
    assert client.command("DBSIZE") == b":1\r\n"
    count = population.name.rpartition(" of ")[2].replace(",", "")
    for length in ("HLEN", "LLEN", "SCARD", "ZCARD", "XLEN", "STRLEN"):
        reply = client.command(length, "key:000000000007")
        if not reply.startswith(b"-") and count.isdigit():
            assert reply == b":%d\r\n" % int(count)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_operations(client: Client, operation: Operation) -> None:
    for commands in _filling(SIZE):
        for command in commands:
            answers(client, *command)
    for number in (0, SIZE // 2, SIZE - 1):
        for command in operation.make(SIZE, number):
            reply = client.command(*command)
            assert not reply.startswith((b"-", b"$-1", b"*0")), (command, reply)


def test_the_chart() -> None:
    growth = Growth((1000, 10_000))
    for number, operation in enumerate(OPERATIONS):
        for server in ("pyredis", "redis"):
            growth.times[operation.name, server] = [0.5 + number, 1.0 + number]
    svg = ElementTree.fromstring(draw(growth, ["pyredis", "redis"]))
    lines = svg.findall("{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == 2 * len(OPERATIONS)
    for line in lines:
        (x1, y1), (x2, y2) = (map(float, point.split(",")) for point in line.attrib["points"].split())
        assert x2 > x1
        assert y2 < y1  # up is more
