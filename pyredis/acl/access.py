"""Access control of one engine: its users, its clients' permissions, and the log of what was refused.

Everything that changes users goes through here, because clients have to follow: their gates are set anew, and
connections end whose user is gone or which listen to what their user may no longer hear.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis.acl.catalog import Catalog
from pyredis.acl.log import AclLog
from pyredis.acl.permissions import matches_channel
from pyredis.acl.users import DEFAULT_USER, Users, lost_channels

if TYPE_CHECKING:
    from pyredis.acl.user import User
    from pyredis.config import Config
    from pyredis.engine.command import Command
    from pyredis.engine.context import Context


class Access:
    """See the module's text. `clients` are those of the engine, by identifier."""

    def __init__(self, commands: list[Command], clients: dict[int, Context]) -> None:
        self.catalog: Catalog = Catalog(commands)
        self.users: Users = Users(self.catalog)
        self.log: AclLog = AclLog()
        self.clients: dict[int, Context] = clients
        self.is_mode_protected: bool = False
        """`protected-mode`."""

    def follow(self, config: Config) -> None:
        """Has CONFIG SET reach the users; `requirepass` counts from now on."""
        config.on_change("requirepass", self._apply_password)
        config.on_change("acl-pubsub-default", self._apply_defaults)
        config.on_change("protected-mode", self._apply_defaults)
        self._apply_defaults(config)
        self._apply_password(config)

    def _apply_password(self, config: Config) -> str | None:
        self.users.set_default_password(config.get_bytes("requirepass"))
        self.update_clients()
        return None

    def _apply_defaults(self, config: Config) -> str | None:
        self.users.all_channels = config.get_str("acl-pubsub-default") == "allchannels"
        self.is_mode_protected = config.get_bool("protected-mode")
        return None

    def requires_login(self) -> bool:
        """Whether a new client has to authenticate first."""
        default = self.users.default
        return not (default.has_no_password and default.is_on)

    def is_protected(self) -> bool:
        """Whether only local clients are let in: nobody has set a password."""
        return self.is_mode_protected and self.users.default.has_no_password

    def update_clients(self) -> None:
        """Opens and closes the clients' gates for the rules of now."""
        for client in self.clients.values():
            client.update_access()

    def set_user(self, name: bytes, words: list[bytes], caller: Context) -> None:
        """Creates or changes a user; raises `InvalidRules`."""
        staged = self.users.staged(name, words)
        known = self.users.by_name.get(name)
        if known is not None:
            channels = lost_channels(known, staged)
            if channels is not None:
                for client in list(self.clients.values()):
                    if client.user is known and hears_forbidden(client, channels):
                        expel(client, caller)
        self.users.put(staged)
        self.update_clients()

    def delete_user(self, name: bytes, caller: Context) -> bool:
        """Deletes a user and ends its connections; false when there is none of that name."""
        user = self.users.by_name.pop(name, None)
        if user is None:
            return False
        for client in list(self.clients.values()):
            if client.user is user:
                expel(client, caller)
        return True

    def replace_users(self, users: dict[bytes, User], caller: Context | None) -> None:
        """Puts other users in place of all: clients go on as those of the same names, if they may."""
        losses: dict[bytes, list[bytes] | None] = {}
        for name, user in users.items():
            before = self.users.by_name.get(name)
            losses[name] = None if before is None else lost_channels(before, user)
        self.users.default.assign(users[DEFAULT_USER])
        users[DEFAULT_USER] = self.users.default
        self.users.by_name = users
        for client in list(self.clients.values()):
            after = users.get(client.user.name)
            if after is None:
                expel(client, caller)
                continue
            client.user = after
            channels = losses[after.name]
            if channels is not None and hears_forbidden(client, channels):
                expel(client, caller)
        self.update_clients()


def hears_forbidden(client: Context, channels: list[bytes]) -> bool:
    """Whether a client subscribes to something that none of the channels and patterns covers."""
    for pattern in client.patterns:
        if not matches_channel(channels, pattern, True):
            return True
    for names in (client.channels, client.shard_channels):
        for name in names:
            if not matches_channel(channels, name, False):
                return True
    return False


def expel(client: Context, caller: Context | None) -> None:
    """Ends a connection: at once, or when it has the reply to the command that caused it."""
    client.log_out()
    client.close(client is caller)
