"""`pyredis top`: what a server does right now, in a terminal; a real Redis can be looked at as well.

Every interval it asks for INFO, LATENCY HISTOGRAM and SLOWLOG GET, and shows the differences to the time before. What
the server does not tell, because it is older or the user may not ask, is left out. Everything that comes from the
server is made printable first: arguments of slow commands are anybody's bytes.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click
import hiredis

if TYPE_CHECKING:
    from collections.abc import Iterator

Steps = list[tuple[int, int]]
"""Microseconds, and how many calls took no longer; growing in both."""

REQUESTS: Final = (
    (b"INFO", b"everything"),
    (b"LATENCY", b"HISTOGRAM"),
    (b"SLOWLOG", b"GET", b"8"),
    (b"CONFIG", b"GET", b"slowlog-log-slower-than"),
)

BAR: Final = 20
NARROW: Final = 60

ENTER: Final = "\x1b[?1049h\x1b[?25l"
LEAVE: Final = "\x1b[?25h\x1b[?1049l"
HOME: Final = "\x1b[H"
END_OF_LINE: Final = "\x1b[K"
END_OF_SCREEN: Final = "\x1b[J"
BOLD: Final = "\x1b[1m"
DIM: Final = "\x1b[2m"
PLAIN: Final = "\x1b[0m"


class LinkError(Exception):
    """The server cannot be reached, or does not let us in."""


class Place(NamedTuple):
    """Where a server is and who we are to it."""

    host: str
    port: int
    path: str
    user: str
    password: str

    def __str__(self) -> str:
        return self.path or (f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}")


class Link:
    """A blocking connection to a server."""

    def __init__(self, place: Place, timeout: float = 5.0) -> None:
        self.reader = hiredis.Reader()
        try:
            self.socket = _connected(place, timeout)
        except OSError as error:
            raise LinkError(f"cannot connect to {place}: {error.strerror or error}") from error
        if place.password:
            words = (place.user, place.password) if place.user else (place.password,)
            (reply,) = self.ask((b"AUTH", *[os.fsencode(word) for word in words]))
            if isinstance(reply, Exception):
                self.close()
                raise LinkError(str(reply))

    def ask(self, *requests: tuple[bytes, ...]) -> list[Any]:
        """Sends requests and returns their replies, of which errors are exceptions that nobody raised."""
        replies: list[Any] = []
        try:
            self.socket.sendall(b"".join(map(_encoded, requests)))
            while len(replies) < len(requests):
                reply = self.reader.gets()
                if reply is False:
                    data = self.socket.recv(1 << 16)
                    if not data:
                        raise LinkError("the server closed the connection")
                    self.reader.feed(data)
                else:
                    replies.append(reply)
        except OSError as error:
            raise LinkError(f"the connection broke: {error.strerror or error}") from error
        except hiredis.ProtocolError as nonsense:
            raise LinkError(f"this is no Redis server: {nonsense}") from nonsense
        return replies

    def close(self) -> None:
        """Ends the connection."""
        self.socket.close()


def _connected(place: Place, timeout: float) -> socket.socket:
    if not place.path:
        return socket.create_connection((place.host, place.port), timeout)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout)
        connection.connect(place.path)
    except OSError:
        connection.close()
        raise
    return connection


def _encoded(request: tuple[bytes, ...]) -> bytes:
    return b"*%d\r\n" % len(request) + b"".join([b"$%d\r\n%b\r\n" % (len(word), word) for word in request])


class Slow(NamedTuple):
    """An entry of the slow log."""

    at: int
    microseconds: int
    request: str
    client: str


class Sample:
    """What a server has said at one moment."""

    def __init__(self, at: float, info: dict[str, str]) -> None:
        self.at: float = at
        self.info: dict[str, str] = info
        self.steps: dict[str, Steps] = {}
        self.slow: list[Slow] = []
        self.slower_than: int = -1

    def number(self, name: str) -> float:
        """A field of INFO, 0 where there is none."""
        try:
            return float(self.info.get(name, "0").rstrip("%"))
        except ValueError:
            return 0.0

    def figures(self, name: str) -> dict[str, float]:
        """A field of INFO such as `keys=1,expires=0`."""
        found: dict[str, float] = {}
        for part in self.info.get(name, "").split(","):
            key, _, value = part.partition("=")
            try:
                found[key] = float(value)
            except ValueError:
                continue
        return found

    def commands(self) -> list[str]:
        """The commands that were called."""
        return [name.removeprefix("cmdstat_") for name in self.info if name.startswith("cmdstat_")]


def take_sample(link: Link) -> Sample:
    """Asks a server for everything that is shown."""
    info, levels, slow, slower_than = link.ask(*REQUESTS)
    if isinstance(info, Exception):
        raise LinkError(str(info))
    fields: dict[str, str] = {}
    for line in bytes(info).decode("utf-8", "replace").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            fields[clean(name)] = clean(value)
    sample = Sample(time.monotonic(), fields)
    if isinstance(levels, list):
        for name, described in zip(levels[::2], levels[1::2], strict=False):
            pairs = described[3]
            sample.steps[clean_bytes(name)] = list(zip(pairs[::2], pairs[1::2], strict=False))
    if isinstance(slow, list):
        for entry in slow:
            request = " ".join(map(clean_bytes, entry[3]))
            sample.slow.append(Slow(entry[1], entry[2], request, clean_bytes(entry[4])))
    if isinstance(slower_than, list) and len(slower_than) == 2:
        sample.slower_than = int(slower_than[1])
    return sample


def clean_bytes(data: bytes) -> str:
    """Bytes of a client as something that a terminal can be given."""
    return clean(data.decode("utf-8", "replace"))


def clean(text: str) -> str:
    """A text without what could steer a terminal."""
    return "".join([char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text])


class Difference:
    """What happened between two samples."""

    def __init__(self, before: Sample, after: Sample) -> None:
        self.before: Sample = before
        self.after: Sample = after
        self.seconds: float = max(after.at - before.at, 1e-6)

    def rate(self, name: str) -> float:
        """How fast a counter grew, per second; from nothing, if it was reset."""
        return grown(self.before.number(name), self.after.number(name)) / self.seconds

    def steps(self, command: str) -> Steps:
        """How long the calls in between took."""
        later, earlier = self.after.steps.get(command, []), self.before.steps.get(command, [])
        if earlier and (not later or later[-1][1] < earlier[-1][1]):
            earlier = []
        found: Steps = []
        counted = position = 0
        for microseconds, count in later:
            while position < len(earlier) and earlier[position][0] <= microseconds:
                counted = earlier[position][1]
                position += 1
            found.append((microseconds, count - counted))
        return found

    def all_steps(self) -> Steps:
        """The same for all commands together."""
        added: dict[int, int] = {}
        for command in self.after.steps:
            counted = 0
            for microseconds, count in self.steps(command):
                added[microseconds] = added.get(microseconds, 0) + count - counted
                counted = count
        total = 0
        found: Steps = []
        for microseconds in sorted(added):
            total += added[microseconds]
            found.append((microseconds, total))
        return found


def grown(before: float, after: float) -> float:
    """By how much a counter grew that may have been reset."""
    return after - before if after >= before else after


def percentile(steps: Steps, share: float) -> float:
    """The time in microseconds that such a share of calls did not exceed, -1 if there were none.

    A server tells how many calls took up to a power of two; in between they are taken to be spread evenly.
    """
    if not steps or steps[-1][1] <= 0:
        return -1.0
    wanted = steps[-1][1] * share
    counted = 0
    for microseconds, count in steps:
        if count >= wanted:
            start = microseconds / 2
            return start + (microseconds - start) * (wanted - counted) / max(count - counted, 1)
        counted = count
    return float(steps[-1][0])


class CommandRow(NamedTuple):
    """What one command did."""

    name: str
    calls: float
    microseconds: float
    failed: float
    steps: Steps


def command_rows(change: Difference) -> list[CommandRow]:
    """The commands that were called in between, those that took most of the time first."""
    rows: list[CommandRow] = []
    for name in change.after.commands():
        then = change.before.figures(f"cmdstat_{name}")
        now = change.after.figures(f"cmdstat_{name}")
        calls = grown(then.get("calls", 0), now.get("calls", 0))
        failed = sum(grown(then.get(key, 0), now.get(key, 0)) for key in ("failed_calls", "rejected_calls"))
        if calls or failed:
            microseconds = grown(then.get("usec", 0), now.get("usec", 0))
            rows.append(CommandRow(name, calls, microseconds, failed, change.steps(name)))
    return sorted(rows, key=lambda row: -row.microseconds)


def duration(microseconds: float) -> str:
    """A time for people."""
    if microseconds < 0:
        return "-"
    if microseconds < 1000:
        return f"{microseconds:.0f} us" if microseconds >= 10 else f"{microseconds:.1f} us"
    if microseconds < 1_000_000:
        return f"{microseconds / 1000:.1f} ms"
    return f"{microseconds / 1_000_000:.2f} s"


def count(number: float) -> str:
    """A number for people."""
    return f"{number:,.0f}" if number >= 10 or number == int(number) else f"{number:.1f}"


def size(number: float) -> str:
    """Bytes for people."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"


def age(seconds: float) -> str:
    """A long time for people."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return f"{days} d {hour:02}:{minute:02}:{second:02}" if days else f"{hour:02}:{minute:02}:{second:02}"


def share(part: float, rest: float) -> str:
    """A part of a whole in per cent."""
    whole = part + rest
    return f"{100 * part / whole:.1f} %" if whole else "-"


def frame(place: Place, change: Difference, rows: int, columns: int) -> list[tuple[str, str]]:
    """The lines of one picture, each with what it is written in."""
    now = change.after
    lines = [(BOLD, heading(place, now)), ("", "")]
    lines += [("", line) for line in summary(change)]
    table = command_rows(change)
    slow = slow_lines(now)
    room = max(rows - len(lines) - len(slow) - 3, 3)
    lines += [
        ("", ""),
        (BOLD, f"{'command':<20}{'calls/s':>12}{'errors/s':>10}{'p50':>10}{'p99':>10}  share of time"),
    ]
    total = sum(row.microseconds for row in table)
    lines += [("", command_line(row, change.seconds, total)) for row in table[:room]]
    if len(table) > room:
        lines.append((DIM, f"and {len(table) - room} more"))
    lines += slow
    return [(style, line[:columns]) for style, line in lines]


def heading(place: Place, now: Sample) -> str:
    """Which server this is."""
    info = now.info
    version = f"Redis {info.get('redis_version', '?')}"
    if "pyredis_version" in info:
        version = f"pyredis {info['pyredis_version']} ({info.get('pyredis_form', '?')}), {version}"
    state = "" if info.get("loading", "0") == "0" else f", loading {info.get('loading_loaded_perc', '')} %"
    running = age(now.number("uptime_in_seconds"))
    return f"{version} at {place}, {info.get('role', '?')}, up {running}{state}"


def summary(change: Difference) -> Iterator[str]:
    """The server as a whole."""
    now, steps = change.after, change.all_steps()
    cpu = change.rate("used_cpu_sys") + change.rate("used_cpu_user")
    yield (
        f"ops/s     {count(change.rate('total_commands_processed')):<12} p50 {duration(percentile(steps, 0.5)):<10}"
        f" p99 {duration(percentile(steps, 0.99)):<10} cpu {100 * cpu:.0f} %"
    )
    yield (
        f"network   in {size(change.rate('total_net_input_bytes'))}/s, "
        f"out {size(change.rate('total_net_output_bytes'))}/s, "
        f"errors {count(change.rate('total_error_replies'))}/s"
    )
    yield (
        f"clients   {count(now.number('connected_clients'))} of {count(now.number('maxclients'))}, "
        f"blocked {count(now.number('blocked_clients'))}, "
        f"subscribed {count(now.number('pubsub_clients'))}, "
        f"refused {count(change.rate('rejected_connections'))}/s"
    )
    limit = now.number("maxmemory")
    used = now.number("used_memory")
    bound = (
        f" of {size(limit)} ({100 * used / limit:.0f} %), {now.info.get('maxmemory_policy')}" if limit else ""
    )
    yield (
        f"memory    {size(used)}{bound}, resident {size(now.number('used_memory_rss'))}, "
        f"peak {size(now.number('used_memory_peak'))}, evicted {count(change.rate('evicted_keys'))}/s"
    )
    databases = [now.figures(name) for name in now.info if name.startswith("db") and name[2:].isdigit()]
    hits, misses = change.rate("keyspace_hits"), change.rate("keyspace_misses")
    yield (
        f"keys      {count(sum(each.get('keys', 0) for each in databases))}, "
        f"expiring {count(sum(each.get('expires', 0) for each in databases))}, "
        f"expired {count(change.rate('expired_keys'))}/s, hit rate {share(hits, misses)} "
        f"(ever {share(now.number('keyspace_hits'), now.number('keyspace_misses'))})"
    )


def command_line(row: CommandRow, seconds: float, total: float) -> str:
    """A command of the table."""
    part = row.microseconds / total if total else 0.0
    bar = "#" * round(part * BAR)
    median, worst = percentile(row.steps, 0.5), percentile(row.steps, 0.99)
    if median < 0 and row.calls:
        median = row.microseconds / row.calls  # a server without histograms tells the mean
    return (
        f"{row.name:<20.19}{count(row.calls / seconds):>12}{count(row.failed / seconds):>10}"
        f"{duration(median):>10}{duration(worst):>10}  {100 * part:>5.1f} % {bar}"
    )


def slow_lines(now: Sample) -> list[tuple[str, str]]:
    """The slow log."""
    if not now.slow:
        return []
    limit = f" (over {duration(now.slower_than)})" if now.slower_than >= 0 else ""
    lines = [("", ""), (BOLD, f"slow commands{limit}")]
    for entry in now.slow:
        at = time.strftime("%H:%M:%S", time.localtime(entry.at))
        lines.append(("", f"{at}{duration(entry.microseconds):>12}  {entry.client:<22} {entry.request}"))
    return lines


def show(lines: list[tuple[str, str]], is_terminal: bool) -> None:
    """Writes a picture over the last one, or below it where that cannot be."""
    if not is_terminal:
        sys.stdout.write("\n".join([line.rstrip() for _, line in lines]) + "\n")
    else:
        shown = [f"{style}{line}{PLAIN if style else ''}{END_OF_LINE}" for style, line in lines]
        sys.stdout.write(HOME + "\r\n".join(shown) + END_OF_SCREEN)
    sys.stdout.flush()


def watch(place: Place, interval: float, is_terminal: bool) -> None:
    """Shows a picture every interval, until interrupted; a connection that ends is opened again."""
    link: Link | None = None
    before: Sample | None = None
    while True:
        try:
            if link is None:
                link = Link(place)
                before = take_sample(link)
                time.sleep(min(interval, 0.5))
            after = take_sample(link)
            if before is not None:
                columns, rows = shutil.get_terminal_size()
                show(frame(place, Difference(before, after), rows, columns), is_terminal)
            before = after
        except LinkError as error:
            if link is not None:
                link.close()
            link = None
            show([(BOLD, f"{error}; trying again")], is_terminal)
        time.sleep(interval)


@click.command(epilog="REDISCLI_AUTH in the environment is the password, if none is given.")
@click.option("-h", "--host", default="127.0.0.1", show_default=True, help="Host name or address.")
@click.option("-p", "--port", default=6379, show_default=True, help="Port.")
@click.option("-s", "--socket", "path", default="", help="Unix socket, instead of host and port.")
@click.option("--user", default="", help="User to log in as.")
@click.option("-a", "--password", default="", help="Password.")
@click.option(
    "-i", "--interval", default=1.0, show_default=True, type=click.FloatRange(0.05, 3600.0),
    help="Seconds between two pictures.",
)  # fmt: skip
@click.option("--once", is_flag=True, help="Show one picture, of one interval, and end.")
def top(host: str, port: int, path: str, user: str, password: str, interval: float, once: bool) -> None:
    """Shows what a server does right now; pyredis or Redis."""
    place = Place(host, port, path, user, password or os.environ.get("REDISCLI_AUTH", ""))
    if once:
        try:
            link = Link(place)
            before = take_sample(link)
            time.sleep(interval)
            after = take_sample(link)
        except LinkError as error:
            raise click.ClickException(str(error)) from error
        columns, rows = shutil.get_terminal_size((100, 50))
        show(frame(place, Difference(before, after), rows, max(columns, NARROW)), False)
        return
    is_terminal = sys.stdout.isatty()
    if is_terminal:
        sys.stdout.write(ENTER)
    try:
        watch(place, interval, is_terminal)
    except KeyboardInterrupt:
        pass
    finally:
        if is_terminal:
            sys.stdout.write(LEAVE)
            sys.stdout.flush()
