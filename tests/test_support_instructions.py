"""The check of instructions per command: what it sends, reads and compares; valgrind is not run here."""

from __future__ import annotations

import asyncio
import json
import shutil
from typing import TYPE_CHECKING

import pytest

from benchmarks.instructions import __main__ as command_line
from benchmarks.instructions import baseline, counting, player, workloads
from benchmarks.instructions.baseline import FASTER, SLOWER, Finding, findings
from tests.support.inprocess import InProcess

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.instructions.workloads import Workload

NOTHING = (b"-", b"$-1", b"*0", b"*-1", b"_")
NUMBERS = {"GET, pipeline 1": 1000.0, "SET, pipeline 1": 1000.0, "GET, pipeline 16": 500.0}
FACTS = {"optimisation": "-O1", "form": "compiled", "python": "CPython 3.11.7", "compiler": "GCC 12"}


@pytest.mark.parametrize("workload", workloads.WORKLOADS, ids=lambda workload: workload.name)
def test_every_request_finds_its_data(workload: Workload) -> None:
    server = InProcess()
    client = server.client()
    cell = workloads.cell(workload, 1)
    for _ in range(workload.subscribers):
        server.client().command("SUBSCRIBE", "news")
    for data in cell.preload:
        assert not client.send(data).startswith(b"-")
    for data in cell.warm_up + cell.packets:
        reply = client.send(data)
        assert reply
        assert not reply.startswith(NOTHING), reply
    if workload.subscribers:
        assert reply == b":%d\r\n" % workload.subscribers


@pytest.mark.parametrize("workload", workloads.WORKLOADS, ids=lambda workload: workload.name)
def test_depths_send_the_same_in_packets_of_another_size(workload: Workload) -> None:
    one, sixteen = workloads.cell(workload, 1), workloads.cell(workload, 16)
    assert len(one.packets) == 16 * len(sixteen.packets) == workloads.COMMANDS
    assert len(one.warm_up) == 16 * len(sixteen.warm_up) == workloads.WARM_UP
    assert b"".join(one.packets) == b"".join(sixteen.packets)
    assert one.name == f"{workload.name}, pipeline 1"


def test_all_keys_come_before_one_comes_again() -> None:
    requests = {workloads.WORKLOADS[1].request(number) for number in range(workloads.KEYS)}
    assert len(requests) == workloads.KEYS


class Marks:
    """In the place of callgrind: remembers when counting was on."""

    def __init__(self) -> None:
        self.calls: list[bytes] = []

    def begin(self) -> None:
        self.calls.append(b"begin")

    def end(self, name: bytes) -> None:
        self.calls.append(name)


def play(*cells: player.Cell) -> list[bytes]:
    marks = Marks()
    asyncio.run(player.serve(list(cells), marks.begin, marks.end))
    return marks.calls


def test_cells_are_played_between_marks() -> None:
    get: player.Cell = ("get", 0, [b"SET k v\r\n"], [b"GET k\r\n"], [b"GET k\r\n"] * 3)
    publish: player.Cell = ("publish", 2, [], [], [b"PUBLISH news x\r\n"])
    assert play(get, publish) == [b"begin", b"get", b"begin", b"publish"]


def test_an_error_reply_ends_the_play() -> None:
    with pytest.raises(SystemExit, match=r"wrong: .*WRONGTYPE"):
        play(("wrong", 0, [b"SET k v\r\n"], [], [b"LPUSH k v\r\n"]))


def test_what_callgrind_wrote_is_read(tmp_path: Path) -> None:
    text = "version: 1\ndesc: Trigger: Client Request: GET, pipeline 1\n\nevents: Ir\nsummary: 16000\n\ntotals: 16000\n"
    (tmp_path / "callgrind.out.1").write_text(text)
    (tmp_path / "callgrind.out.2").write_text("desc: Trigger: Program termination\nsummary: 99\n")
    assert counting.read(sorted(tmp_path.iterdir())) == {"GET, pipeline 1": 16000 / workloads.COMMANDS}


@pytest.mark.parametrize(
    ("measured", "slower", "faster"),
    [
        ({}, [], []),
        ({"GET, pipeline 1": 1039.0, "SET, pipeline 1": 1000.0}, [], []),
        ({"GET, pipeline 1": 1041.0, "SET, pipeline 1": 990.0}, ["GET, pipeline 1"], []),
        ({"GET, pipeline 1": 1030.0, "SET, pipeline 1": 1030.0}, ["geometric mean, pipeline 1"], []),
        ({"GET, pipeline 16": 530.0}, ["GET, pipeline 16", "geometric mean, pipeline 16"], []),
        ({"SET, pipeline 1": 950.0, "GET, pipeline 1": 1030.0}, [], ["SET, pipeline 1"]),
        ({"NEW, pipeline 16": 9.0}, [], []),
    ],
)
def test_margins(measured: dict[str, float], slower: list[str], faster: list[str]) -> None:
    found = findings(NUMBERS, measured)
    assert [one.name for one in found if one.verdict == SLOWER] == slower
    assert [one.name for one in found if one.verdict == FASTER] == faster


def test_a_finding_is_told() -> None:
    words = Finding("GET", 1000.0, 1500.0, 0.04).line().split()
    assert words == ["GET", "1,000", "->", "1,500", "+50.0%", "SLOWER"]
    words = Finding("GET", 2000.0, 1990.0, 0.04).line().split()
    assert words == ["GET", "2,000", "->", "1,990", "-0.5%", "ok"]


def test_what_a_server_was_made_with_is_told_apart() -> None:
    assert baseline.differences(FACTS, FACTS) == []
    assert baseline.differences(FACTS, FACTS | {"optimisation": "-O3", "more": "x"}) == [
        "optimisation -O3, the baseline's is -O1"
    ]
    assert baseline.differences(FACTS, {}) == [
        f"{name} unknown, the baseline's is {value}" for name, value in FACTS.items()
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A baseline in a file."""
    made = tmp_path / "baseline.json"
    baseline.write(made, FACTS, NUMBERS)
    return made


def run(monkeypatch: pytest.MonkeyPatch, numbers: dict[str, float], *arguments: str, **facts: str) -> int:
    """The command line, with a count that is given."""
    counted = counting.Counted(numbers, FACTS | facts)
    monkeypatch.setattr(command_line, "count", lambda options: counted)
    return command_line.main(list(arguments))


def test_a_baseline_reads_as_written(path: Path) -> None:
    assert baseline.load(path) == (FACTS, NUMBERS)


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [(1.0, 0, "ok"), (1.03, 1, "more instructions"), (1.2, 1, SLOWER), (0.8, 0, "make bench-baseline")],
)
def test_exit_code(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    path: Path,
    change: float,
    code: int,
    said: str,
) -> None:
    numbers = {name: count * change for name, count in NUMBERS.items()}
    assert run(monkeypatch, numbers, "--baseline", str(path)) == code
    assert said in capsys.readouterr().out


def test_another_form_is_not_compared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], path: Path
) -> None:
    slow = dict.fromkeys(NUMBERS, 9e9)
    assert run(monkeypatch, slow, "--baseline", str(path), python="CPython 3.12.1") == 0
    assert "not compared: python CPython 3.12.1, the baseline's is CPython 3.11.7" in capsys.readouterr().out


def test_only_the_form_that_ci_compiles_becomes_the_baseline(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = tmp_path / "new.json"
    arguments = ("--write", "--baseline", str(made))
    assert run(monkeypatch, NUMBERS, *arguments, optimisation="-O3") == 1
    assert run(monkeypatch, NUMBERS, *arguments, form="interpreted") == 1
    assert not made.exists()
    assert run(monkeypatch, NUMBERS, *arguments) == 0
    assert json.loads(made.read_text())["instructions_per_command"]["GET, pipeline 1"] == 1000


def test_without_valgrind_or_baseline_nothing_is_compared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], path: Path, tmp_path: Path
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert command_line.main(["--baseline", str(path), "--only", "PING"]) == 0
    assert "not compared: valgrind is not installed" in capsys.readouterr().out
    assert command_line.main(["--baseline", str(tmp_path / "none")]) == 0
    assert "there is no" in capsys.readouterr().out


def test_level_is_what_the_build_left_behind(tmp_path: Path) -> None:
    stamp = tmp_path / "stamp"
    assert command_line.level_of(stamp) == "unknown"
    stamp.write_text("")
    assert command_line.level_of(stamp) == "unknown"
    stamp.write_text("1\n")
    assert command_line.level_of(stamp) == "-O1"


def test_facts_name_the_interpreter() -> None:
    facts = player.facts()
    assert facts["python"].startswith(("CPython 3.", "PyPy 3."))
    assert facts["form"] in ("compiled", "interpreted")
    assert set(facts) == {"form", "machine", "python", "compiler", "libraries", *player.MADE_WITH}
