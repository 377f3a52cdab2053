"""`metrics-port`: /metrics, /healthz and /readyz over HTTP, on the loop that serves the clients.

Rules kept: one scrape at a time, in slices with breaks, so that scrapers together take a third of the time at most;
and every connection is on its way to being closed, unless it has an answer to wait for. A request has to arrive within
`HEAD_SECONDS` of its first byte, an answer to be read within `WRITE_SECONDS`, and an idle connection goes after
`IDLE_SECONDS`. Nothing is read while an answer is made, so a peer cannot pile up requests.

Nobody has to log in: `metrics-bind` is the loopback interface unless one says otherwise.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from pyredis.config import Config
from pyredis.metrics.exposition import OPEN_TYPE, PLAIN_TYPE, wants_open_metrics
from pyredis.metrics.health import unready_reason
from pyredis.metrics.http import HttpError, HttpReader, HttpRequest, response
from pyredis.metrics.scrape import Scrape
from pyredis.server.listeners import ListenError
from pyredis.server.log import log

if TYPE_CHECKING:
    from pyredis.engine.engine import Engine

SLICE_SECONDS: Final = 0.0005
BREAK_SECONDS: Final = 0.001

HEAD_SECONDS: Final = 5.0
WRITE_SECONDS: Final = 10.0
IDLE_SECONDS: Final = 150.0
"""Longer than two scrapes are usually apart."""

CONNECTIONS_MAX: Final = 16
"""Their descriptors are among those that are kept for what is no client."""

TEXT: Final = "text/plain; charset=utf-8"


class MetricsPort:
    """The listener of `metrics-port` and the connections on it."""

    def __init__(self, engine: Engine, loop: asyncio.AbstractEventLoop) -> None:
        self.engine: Engine = engine
        self.config: Config = engine.config
        self.loop: asyncio.AbstractEventLoop = loop
        self.wanted: tuple[int, str] = (0, "")
        self.listener: socket.socket | None = None
        self.server: asyncio.AbstractServer | None = None
        self.opening: asyncio.Task[None] | None = None
        self.connections: dict[MetricsConnection, None] = {}
        # Who waits for a scrape, and the scrape for the first of them.
        self.queue: deque[MetricsConnection] = deque()
        self.scrape: Scrape | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.slice_seconds: float = SLICE_SECONDS

    async def open(self) -> None:
        """Listens, if that is configured; raises `ListenError`."""
        if not self.follow_config():
            port = self.config.get_int("metrics-port")
            raise ListenError(f"Failed listening on port {port} (metrics), aborting.")
        if self.opening is not None:
            await self.opening

    def follow_config(self) -> bool:
        """Moves to the port and address now configured; false when that cannot be, and the old ones stay.

        The old socket closes first, as the new one may want its port on another address.
        """
        wanted = (self.config.get_int("metrics-port"), self.config.get_str("metrics-bind"))
        if wanted == self.wanted:
            return True
        before = self.wanted
        self._close_listener()
        if self._listen(wanted):
            return True
        self._listen(before)
        return False

    def _listen(self, wanted: tuple[int, str]) -> bool:
        """Binds to a port and address; false when that fails, and the log says why."""
        port, address = wanted
        self.wanted = (0, "")
        if port:
            try:
                listener = _bound_socket(address, port)
            except OSError as error:
                where = f"{address}:{port}: bind: {error.strerror or error}"
                log.warning("Warning: Could not create server TCP listening socket %s", where)
                return False
            self.listener = listener
            self.opening = self.loop.create_task(self._accept(listener))
            log.info("Metrics on http://%s:%d/metrics", f"[{address}]" if ":" in address else address, port)
        self.wanted = wanted
        return True

    async def _accept(self, listener: socket.socket) -> None:
        """Has the loop accept on a bound socket, unless it has been given up meanwhile."""
        if listener is not self.listener:
            listener.close()
            return
        factory: Any = self._connected
        server = await self.loop.create_server(factory, sock=listener, start_serving=False)
        if listener is not self.listener:
            server.close()
            return
        self.server = server
        await server.start_serving()

    def _connected(self) -> MetricsConnection:
        return MetricsConnection(self)

    def _close_listener(self) -> None:
        if self.server is not None:
            self.server.close()
        elif self.listener is not None and (self.opening is None or self.opening.done()):
            self.listener.close()
        self.server = None
        self.listener = None

    def close(self) -> None:
        """Stops listening and closes every connection."""
        self._close_listener()
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        self.queue.clear()
        for connection in list(self.connections):
            connection.abort()

    def begin_scrape(self, connection: MetricsConnection) -> None:
        """Queues a connection for the text that it has asked for."""
        self.queue.append(connection)
        if len(self.queue) == 1:
            self._go_on()

    def forget(self, connection: MetricsConnection) -> None:
        """A connection has ended; what was made for it is of no use."""
        self.connections.pop(connection, None)
        if connection in self.queue:
            if self.queue[0] is connection:
                self.scrape = None
            self.queue.remove(connection)

    def _go_on(self) -> None:
        """One slice of the scrape at hand, or of the next one; takes a break behind it."""
        self.timer = None
        if not self.queue:
            return
        connection = self.queue[0]
        scrape = self.scrape
        if scrape is None:
            self.engine.clock.refresh()
            scrape = Scrape(self.engine, connection.wants_open)
            self.scrape = scrape
        deadline = perf_counter() + self.slice_seconds
        is_complete = scrape.step()
        while not is_complete and perf_counter() < deadline:
            is_complete = scrape.step()
        if is_complete:
            self.scrape = None
            self.queue.popleft()
            connection.scraped(scrape.text())
        if self.queue and self.timer is None:
            self.timer = self.loop.call_later(BREAK_SECONDS, self._go_on)


class MetricsConnection:
    """One connection; has the methods of an `asyncio.Protocol`, as `server.transport.Connection` does."""

    def __init__(self, port: MetricsPort) -> None:
        self.port: MetricsPort = port
        self.reader: HttpReader = HttpReader()
        self.transport: Any = None
        self.timer: asyncio.TimerHandle | None = None
        # The request whose answer is being made or sent.
        self.request: HttpRequest | None = None
        self.wants_open: bool = False
        self.is_congested: bool = False
        self.is_closing: bool = False
        self.has_begun: bool = False

    def connection_made(self, transport: Any) -> None:
        """Asyncio: the socket was accepted."""
        self.transport = transport
        transport.set_write_buffer_limits(0)
        self.port.connections[self] = None
        if len(self.port.connections) > CONNECTIONS_MAX:
            self._fail(HttpError(503, "too many connections"))
            return
        self._close_after(HEAD_SECONDS)

    def data_received(self, data: bytes) -> None:
        """Asyncio: bytes arrived."""
        if self.is_closing:
            return
        self.reader.feed(data)
        if self.request is None:
            self._take_request()

    def eof_received(self) -> bool:
        """Asyncio: the peer will send no more; it may still want the answer to what it sent."""
        if self.request is None:
            return False
        self.is_closing = True
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Asyncio: the connection has ended."""
        self._cancel_timer()
        self.is_closing = True
        self.request = None
        self.port.forget(self)
        self.transport = None

    def pause_writing(self) -> None:
        """Asyncio: something waits to be sent."""
        self.is_congested = True

    def resume_writing(self) -> None:
        """Asyncio: everything has been sent."""
        self.is_congested = False
        if self.request is not None and self.request.is_answered:
            self._end_request()

    def abort(self) -> None:
        """Closes at once."""
        if self.transport is not None:
            self.transport.abort()

    def scraped(self, text: bytes) -> None:
        """Answers with the metrics."""
        self._answer(200, OPEN_TYPE if self.wants_open else PLAIN_TYPE, text)

    def _take_request(self) -> None:
        """Begins to answer the next request, if it is there."""
        try:
            request = self.reader.next_request()
        except HttpError as error:
            self._fail(error)
            return
        if request is not None:
            self._cancel_timer()
            self.has_begun = False
            self.request = request
            self._set_reading(False)
            self._dispatch(request)
        elif self.reader.has_data() and not self.has_begun:
            self.has_begun = True
            self._close_after(HEAD_SECONDS)

    def _dispatch(self, request: HttpRequest) -> None:
        if request.path == "/metrics":
            self.wants_open = wants_open_metrics(request.fields.get("accept", ""))
            self.port.begin_scrape(self)
        elif request.path == "/healthz":
            self._answer(200, TEXT, b"ok\n")
        elif request.path == "/readyz":
            reason = unready_reason(self.port.engine)
            self._answer(503 if reason else 200, TEXT, f"{reason or 'ok'}\n".encode())
        else:
            self._answer(404, TEXT, b"try /metrics, /healthz or /readyz\n")

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        """Sends the answer to the request at hand."""
        request = self.request
        if request is None or self.transport is None:
            return
        request.is_answered = True
        is_kept = request.is_kept and not self.is_closing
        self.is_closing = not is_kept
        self._close_after(WRITE_SECONDS)
        self.transport.write(response(status, content_type, body, is_kept, request.method != "HEAD"))
        if self.request is request and not self.is_congested:
            self._end_request()

    def _end_request(self) -> None:
        """The answer has been sent: closes, or goes on with the next request in the loop's next round."""
        self.request = None
        if self.transport is None:
            return
        if self.is_closing:
            self.transport.close()
            return
        self._close_after(IDLE_SECONDS)
        self._set_reading(True)
        if self.reader.has_data():
            self.port.loop.call_soon(self._take_waiting)

    def _take_waiting(self) -> None:
        """Goes on with a request that came behind the last one."""
        if self.request is None and not self.is_closing:
            self._take_request()

    def _fail(self, error: HttpError) -> None:
        """Answers what cannot be answered, and closes."""
        self.is_closing = True
        self._close_after(WRITE_SECONDS)
        self.transport.write(response(error.status, TEXT, f"{error.message}\n".encode(), False, True))
        self.transport.close()

    def _close_after(self, seconds: float) -> None:
        """Closes the connection unless something happens first."""
        self._cancel_timer()
        self.timer = self.port.loop.call_later(seconds, self._expire)

    def _cancel_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def _expire(self) -> None:
        """Time is up: says so to whoever has sent half of a request, and closes in any case."""
        self.timer = None
        if self.transport is None:
            return
        if self.request is None and not self.is_closing and self.reader.has_data():
            self._fail(HttpError(408, "the request did not arrive in time"))
        else:
            self.transport.abort()

    def _set_reading(self, is_reading: bool) -> None:
        if self.transport is None or self.transport.is_closing():
            return
        if is_reading:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()


def _bound_socket(address: str, port: int) -> socket.socket:
    """A socket that listens; raises `OSError`."""
    host = "0.0.0.0" if address == "*" else address
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(CONNECTIONS_MAX)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener
