"""Client-side caching: who has to hear that a key changed.

Two ways, as in Redis. By default the server remembers in one table which client read which key, and tells each
of them once, when the key changes; names count, whatever the database. A client that broadcasts (BCAST) is told
of every changed key that begins with one of its prefixes, whether it read it or not, all keys of a round at once.

Rules kept:

* A message to the client that runs stands behind its reply (`Context.push` sees to that).
* A client with NOLOOP does not hear of its own changes. What a script changes is nobody's own for those who
  broadcast, as in Redis.
* The table holds `tracking-table-max-keys` keys at most. What goes for lack of room is invalidated.
* The databases report changes only while somebody may have to hear of them.

A key in the table takes 96 bytes and its own, 60 more with a second client, 8 for each further one up to 8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mypy_extensions import i64

from pyredis.datatypes.hash_table import HashTable
from pyredis.engine.key_positions import key_positions
from pyredis.protocol.encode import NULL, NULL_BULK, array_header, bulk, bulk_array, integer

if TYPE_CHECKING:
    from pyredis.engine.command import Command
    from pyredis.engine.context import Context
    from pyredis.engine.engine import Engine

FEW: Final = 8

_INVALIDATE: Final = b">2\r\n" + bulk(b"invalidate")
_MESSAGE: Final = array_header(3) + bulk(b"message") + bulk(b"__redis__:invalidate")
_BROKEN: Final = b">2\r\n" + bulk(b"tracking-redir-broken")


class ClientTracking:
    """What one client has asked for; `redirect` is the identifier of another client, 0 for none."""

    def __init__(self) -> None:
        self.is_broadcast: bool = False
        self.is_opt_in: bool = False
        self.is_opt_out: bool = False
        self.is_no_loop: bool = False
        self.redirect: int = 0
        # CLIENT CACHING was the command before.
        self.is_caching: bool = False
        # The client that should get the messages has gone.
        self.is_broken: bool = False
        self.prefixes: set[bytes] = set()

    def remembers(self) -> bool:
        """Whether keys that the client reads now are to be remembered."""
        if self.is_broadcast:
            return False
        return self.is_caching if self.is_opt_in else not (self.is_opt_out and self.is_caching)


class Prefix:
    """Who broadcasts for one prefix; the keys that changed in this round, with the client that changed them."""

    def __init__(self) -> None:
        self.clients: dict[Context, None] = {}
        self.changed: dict[bytes, Context | None] = {}


class Tracking:
    """The tracking of one engine; see the module's text."""

    def __init__(self, engine: Engine) -> None:
        self.engine: Engine = engine
        self.clients: dict[Context, None] = {}
        # By key the identifier of the one client that read it, a tuple of a few, or a set of more.
        self.keys: HashTable = HashTable()
        self.items: i64 = 0
        self.keys_max: i64 = 1_000_000
        self.prefixes: dict[bytes, Prefix] = {}
        self.has_news: bool = False
        # The client that reads, if it tracks; and the context of the script that it runs.
        self.running: Context | None = None
        self.script: Context | None = None

    def is_listening(self) -> bool:
        """Whether changes of keys matter."""
        return len(self.clients) > 0 or self.keys.size > 0

    def enable(self, ctx: Context, wanted: ClientTracking) -> None:
        """Begins to track for a client, or takes over new options; prefixes are added to those it has."""
        before = ctx.tracking
        if before is not None:
            wanted.prefixes |= before.prefixes
            wanted.is_caching = before.is_caching
        for prefix in wanted.prefixes:
            entry = self.prefixes.get(prefix)
            if entry is None:
                self.prefixes[prefix] = entry = Prefix()
            entry.clients[ctx] = None
        self.clients[ctx] = None
        ctx.set_tracking(wanted)
        self.engine.update_listening()
        if ctx.in_exec:  # what follows in the transaction is tracked already
            self.engine.set_reader(ctx)

    def disable(self, ctx: Context) -> None:
        """Ends tracking for a client; keys that it read stay in the table until they change."""
        state = ctx.tracking
        if state is None:
            return
        for prefix in state.prefixes:
            entry = self.prefixes[prefix]
            entry.clients.pop(ctx, None)
            if not entry.clients:
                del self.prefixes[prefix]
        self.clients.pop(ctx, None)
        ctx.set_tracking(None)
        self.engine.update_listening()

    def forget(self, ctx: Context) -> None:
        """The client's connection has ended; without any client that tracks, nobody needs the table."""
        if ctx.tracking is None:
            return
        self.disable(ctx)
        if not self.clients:
            self._clear()
            self.engine.update_listening()

    def set_running(self, ctx: Context | None) -> None:
        """Says whose reads are to be remembered."""
        self.running = ctx
        self.script = None

    def set_script(self, ctx: Context | None) -> None:
        """Says that a command of a script runs."""
        self.script = ctx

    def remember(self, command: Command, argv: list[bytes]) -> None:
        """Notes that the client that runs has read the keys of a request. O(keys)."""
        ctx = self.running
        if ctx is None:
            return
        state = ctx.tracking
        if state is None or not state.remembers():
            return
        number = ctx.client_id
        for found in key_positions(command.spec, argv):
            self._remember(argv[found.position], number)
        if self.keys_max and self.keys.size > self.keys_max:
            self.limit()

    def _remember(self, key: bytes, number: int) -> None:
        holders = self.keys.get(key)
        if holders is None:
            self.keys.set(key, number)
            self.items += 1
        elif isinstance(holders, int):
            if holders != number:
                self.keys.set(key, (holders, number))
                self.items += 1
        elif number not in holders:
            if isinstance(holders, set):
                holders.add(number)
            elif len(holders) < FEW:
                self.keys.set(key, (*holders, number))
            else:
                self.keys.set(key, {*holders, number})
            self.items += 1

    def limit(self) -> None:
        """Makes random keys go until the table is as small as it has to be."""
        while self.keys_max and self.keys.size > self.keys_max:
            self._invalidate(self.keys.random_key())

    def key_changed(self, key: bytes) -> None:
        """Tells everybody who has to know."""
        if self.prefixes:
            self._note(key, self.engine.current if self.script is None else self.script)
        if self.keys.size:
            self._invalidate(key)
            if not self.clients and not self.keys.size:
                self.engine.update_listening()

    def key_expired(self, key: bytes) -> None:
        """The key that changed has expired: that was no client's doing."""
        if self.prefixes:
            self._note(key, None)

    def _note(self, key: bytes, ctx: Context | None) -> None:
        for prefix, entry in self.prefixes.items():
            if key.startswith(prefix):
                entry.changed[key] = ctx
                self.has_news = True

    def _invalidate(self, key: bytes) -> None:
        holders: Any = self.keys.pop(key)
        if holders is None:
            return
        numbers: list[int] = [holders] if isinstance(holders, int) else sorted(holders)
        self.items -= len(numbers)
        body = bulk_array([key])
        for number in numbers:
            ctx = self.engine.clients.get(number)
            if ctx is None:
                continue
            state = ctx.tracking
            if state is None or state.is_broadcast or (state.is_no_loop and ctx is self.engine.current):
                continue
            self._send(ctx, state, body)

    def flushed(self) -> None:
        """Databases have been emptied: everybody forgets everything, and so does the table."""
        for ctx in list(self.clients):
            state = ctx.tracking
            if state is not None:
                self._send(ctx, state, NULL if ctx.resp3 else NULL_BULK)
        self._clear()
        self.engine.update_listening()

    def _clear(self) -> None:
        self.keys = HashTable()
        self.items = 0

    def broadcast(self) -> None:
        """Sends what has gathered for clients that broadcast; called when a round has ended."""
        self.has_news = False
        for prefix in sorted(self.prefixes):
            entry = self.prefixes.get(prefix)
            if entry is None or not entry.changed:
                continue
            changed = entry.changed
            entry.changed = {}
            keys = sorted(changed)
            body = bulk_array(keys)
            for ctx in list(entry.clients):
                state = ctx.tracking
                if state is None:
                    continue
                if not state.is_no_loop:
                    self._send(ctx, state, body)
                    continue
                others = [key for key in keys if changed[key] is not ctx]
                if others:
                    self._send(ctx, state, bulk_array(others))

    def _send(self, ctx: Context, state: ClientTracking, body: bytes) -> None:
        """Sends an invalidation to a client or whom it redirects to, in the form that is understood there."""
        target = ctx
        if state.redirect:
            found = self.engine.clients.get(state.redirect)
            if found is None:
                state.is_broken = True
                if ctx.resp3:
                    ctx.push(_BROKEN + integer(state.redirect))
                return
            target = found
        if target.resp3:
            target.push(_INVALIDATE + body)
        elif state.redirect and target.is_subscriber():
            target.push(_MESSAGE + body)
