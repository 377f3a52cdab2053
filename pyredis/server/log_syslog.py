"""Lines for the system's log. Imported only where `syslog-enabled` asks for it: the standard library takes 9 ms."""

from __future__ import annotations

from logging import Formatter
from logging.handlers import SysLogHandler
from typing import Final

_PRIORITIES: Final = {"DEBUG": "debug", "VERBOSE": "info", "INFO": "notice"}
"""By the names of Python's levels; all others are warnings."""


class Syslog(SysLogHandler):
    """Sends records with the priorities that Redis gives them."""

    def mapPriority(self, levelName: str) -> str:
        """The priority of a level."""
        return _PRIORITIES.get(levelName, "warning")


def open_syslog(path: str, ident: str, facility: str) -> SysLogHandler:
    """A handler for the socket at a path, or for the port of this machine when it is empty. Raises `OSError`.

    Time and level are not in the text: the system's log notes them itself.
    """
    number = SysLogHandler.facility_names[facility]
    handler = Syslog(path, number) if path else Syslog(facility=number)
    handler.append_nul = False
    handler.setFormatter(Formatter(ident.replace("%", "%%") + "[%(process)d]: %(message)s"))
    return handler
