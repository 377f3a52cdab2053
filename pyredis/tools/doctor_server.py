"""The looks of `pyredis doctor` at a server that runs, by what it says of itself; a real Redis says the same."""

from __future__ import annotations

import statistics
from time import perf_counter
from typing import Any, Final

from pyredis.tools.doctor import FAIL, OK, WARN, Finding, Look, look
from pyredis.tools.top import Link, LinkError, Place

PINGS: Final = 200
SLOW_PING_MS: Final = 5.0
MEBIBYTE: Final = 1 << 20
FULL: Final = 0.9
FRAGMENTED: Final = 1.5
SMALL_BYTES: Final = 200 * MEBIBYTE
"""Below this much data, what the interpreter takes itself says more than fragmentation."""
SLOW_FORK_US: Final = 500_000


class Patient:
    """What a server has said."""

    def __init__(self, info: dict[str, str], config: dict[str, str], slow: int, pings: list[float]) -> None:
        self.info: dict[str, str] = info
        self.config: dict[str, str] = config
        # Entries of the slow log; -1 when we may not see it.
        self.slow: int = slow
        # Milliseconds, sorted.
        self.pings: list[float] = pings

    def number(self, name: str) -> float:
        """A figure of INFO, 0 where it is not told."""
        try:
            return float(self.info.get(name, "0"))
        except ValueError:
            return 0.0


def ask(link: Link) -> Patient:
    """Asks everything that the looks need. Raises `LinkError`."""
    (told,) = link.ask((b"INFO", b"everything"))
    if isinstance(told, Exception):
        raise LinkError(str(told))
    text = bytes(told).decode(errors="replace")
    info = dict(line.split(":", 1) for line in text.splitlines() if ":" in line and not line.startswith("#"))
    slow, given = link.ask((b"SLOWLOG", b"LEN"), (b"CONFIG", b"GET", b"*"))
    config: dict[str, str] = {}
    if not isinstance(given, Exception):
        words: list[Any] = [bytes(word).decode(errors="replace") for word in given]
        config = dict(zip(words[::2], words[1::2], strict=True))
    times: list[float] = []
    for _ in range(PINGS):
        started = perf_counter()
        link.ask((b"PING",))
        times.append((perf_counter() - started) * 1000)
    return Patient(info, config, slow if isinstance(slow, int) else -1, sorted(times))


def _identity(patient: Patient) -> list[Finding]:
    """What runs, since when."""
    name = f"pyredis {patient.info['pyredis_version']}" if "pyredis_version" in patient.info else "Redis"
    days = patient.number("uptime_in_seconds") / 86_400
    text = f"{name}, Redis {patient.info.get('redis_version', '?')}, up {days:.1f} days"
    if patient.info.get("loading") == "1":
        return [
            Finding(WARN, "server", f"{text}, still loading", "Wait: it answers most commands with -LOADING.")
        ]
    return [Finding(OK, "server", text)]


def _latency(patient: Patient) -> list[Finding]:
    """How long a PING takes from here."""
    late = patient.pings[int(len(patient.pings) * 0.99)]
    text = f"PING takes {statistics.median(patient.pings):.2f} ms, 1 % more than {late:.2f} ms"
    if late > SLOW_PING_MS:
        return [
            Finding(
                WARN,
                "latency",
                text,
                "See LATENCY DOCTOR and SLOWLOG GET on the server, and the load of the machine.",
            )
        ]
    return [Finding(OK, "latency", text)]


def _slow_commands(patient: Patient) -> list[Finding]:
    """The slow log."""
    limit = patient.config.get("slowlog-log-slower-than", "?")
    if patient.slow > 0:
        text = f"{patient.slow} commands took longer than {limit} us"
        return [Finding(WARN, "slow-commands", text, "SLOWLOG GET names them; SLOWLOG RESET forgets them.")]
    return [Finding(OK, "slow-commands", "none in the slow log")] if patient.slow == 0 else []


def _memory(patient: Patient) -> list[Finding]:
    """The limit, evictions and fragmentation."""
    used, limit = patient.number("used_memory"), patient.number("maxmemory")
    policy = patient.info.get("maxmemory_policy", "")
    found: list[Finding] = []
    text = f"{used / MEBIBYTE:.0f} MiB used" + (
        f" of {limit / MEBIBYTE:.0f} MiB, {policy}" if limit else ", no limit"
    )
    if limit and used > limit * FULL and policy == "noeviction":
        advice = "Raise maxmemory, or choose a maxmemory-policy that evicts."
        found.append(
            Finding(FAIL if used >= limit else WARN, "memory", f"{text}: writes will be refused", advice)
        )
    else:
        found.append(Finding(OK, "memory", text))
    if evicted := patient.number("evicted_keys"):
        hits, misses = patient.number("keyspace_hits"), patient.number("keyspace_misses")
        share = f", {hits / (hits + misses):.0%} of look-ups hit" if hits + misses else ""
        advice = "Normal for a cache; for anything else raise maxmemory."
        found.append(Finding(WARN, "evictions", f"{evicted:.0f} keys evicted{share}", advice))
    ratio = patient.number("mem_fragmentation_ratio")
    if used > SMALL_BYTES and ratio > FRAGMENTED:
        text = f"the process takes {ratio:.2f} times the memory of its data"
        found.append(Finding(WARN, "fragmentation", text, "MEMORY PURGE gives some back, a restart all."))
    return found


def _clients(patient: Patient) -> list[Finding]:
    """Room for clients, and those that were sent away."""
    now, limit = patient.number("connected_clients"), patient.number("maxclients")
    found: list[Finding] = []
    if limit and now > limit * FULL:
        found.append(
            Finding(
                FAIL, "clients", f"{now:.0f} of at most {limit:.0f}", "Raise maxclients, or set a timeout."
            )
        )
    else:
        found.append(Finding(OK, "clients", f"{now:.0f} of at most {limit:.0f}"))
    for field, text, advice in (
        ("rejected_connections", "connections were refused", "Raise maxclients, or set a password for remote clients."),
        ("client_output_buffer_limit_disconnections", "clients read too slowly and were closed",
         "Look at client-output-buffer-limit, and at what they subscribe to."),
        ("client_query_buffer_limit_disconnections", "clients sent too much and were closed",
         "Look at client-query-buffer-limit, and at the size of their requests."),
        ("acl_access_denied_auth", "logins failed", "ACL LOG says whose; is the server reachable by strangers?"),
    ):  # fmt: skip
        if count := patient.number(field):
            found.append(Finding(WARN, field.replace("_", "-"), f"{count:.0f} {text}", advice))
    return found


def _durability(patient: Patient) -> list[Finding]:
    """Whether saving is configured, and works."""
    info = patient.info
    found: list[Finding] = []
    for field, what in (
        ("rdb_last_bgsave_status", "the last save in the background"),
        ("aof_last_bgrewrite_status", "the last rewrite of the append only file"),
        ("aof_last_write_status", "the last write to the append only file"),
    ):
        if info.get(field, "ok") != "ok":
            text = f"{what} failed"
            found.append(
                Finding(FAIL, field.replace("_", "-"), text, "The log says why; look at the disk and `dir`.")
            )
    if patient.number("aof_delayed_fsync"):
        text = f"{patient.number('aof_delayed_fsync'):.0f} writes waited for the disk"
        found.append(
            Finding(WARN, "aof-delayed-fsync", text, "The disk is too slow, or somebody else keeps it busy.")
        )
    if patient.number("latest_fork_usec") > SLOW_FORK_US:
        text = f"the last fork stopped the server for {patient.number('latest_fork_usec') / 1000:.0f} ms"
        found.append(Finding(WARN, "fork", text, "Save less often, or keep less data in one server."))
    if info.get("aof_enabled") == "1":
        found.append(Finding(OK, "durability", "append only file"))
    elif patient.config.get("save"):
        text = f"snapshots, {info.get('rdb_changes_since_last_save', '?')} changes since the last"
        found.append(Finding(OK, "durability", text))
    elif patient.config:
        advice = "Right for a cache; else set `appendonly yes` or `save`."
        found.append(Finding(WARN, "durability", "nothing is saved: data ends with the process", advice))
    return found


def _replication(patient: Patient) -> list[Finding]:
    """The link to the primary."""
    if patient.info.get("role") != "slave":
        return []
    if patient.info.get("master_link_status") != "up":
        advice = "See the logs of both: address, port, masterauth, masteruser."
        return [Finding(FAIL, "replication", "the link to the primary is down", advice)]
    return [Finding(OK, "replication", "linked to the primary")]


LOOKS: Final[list[Look]] = [_identity, _latency, _slow_commands, _memory, _clients, _durability, _replication]


def examine(place: Place) -> list[Finding]:
    """Asks a running server."""
    try:
        link = Link(place)
        try:
            patient = ask(link)
        finally:
            link.close()
    except LinkError as error:
        return [Finding(FAIL, "server", str(error), "Is it running there, and is the password right?")]
    return look(LOOKS, patient)
