"""The configuration: one table of directives, and all that reads and writes it.

    errors, values, directives, structured   what a directive is, and its values as text
    table_server, table_data, table          the rows
    config                                   the values of one server: typed access, CONFIG GET and SET
    load, toml_file, sources                 redis.conf, TOML, the environment, the command line
    rewrite                                  CONFIG REWRITE

Nothing here knows what a directive does; the server registers callbacks with `Config.on_change`.
"""

from __future__ import annotations

from pyredis.config.config import Config, PendingDirective
from pyredis.config.errors import ConfigError, ConfigRewriteError, ConfigSetError
from pyredis.config.rewrite import rewrite_file
from pyredis.config.sources import load_arguments

__all__ = [
    "Config",
    "ConfigError",
    "ConfigRewriteError",
    "ConfigSetError",
    "PendingDirective",
    "load_arguments",
    "rewrite_file",
]
