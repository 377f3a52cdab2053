"""What the `tls-*` directives mean: an `ssl.SSLContext` for the connections accepted from now on.

A context is never changed. CONFIG SET of any of the directives reads all files anew and makes another one; when that
fails, the log says why in Redis's words, and the old one goes on being used. Connections keep the context that they
began with.

Two things that Redis sets are out of reach for Python's `ssl`: the cipher suites of TLS 1.3 (until Python 3.15), and
size and lifetime of the session cache. A value that asks for them is refused. It must not be ignored: whoever
forbids a cipher wants to be sure.
"""

from __future__ import annotations

import ssl
import sys
import warnings
from typing import Final

from pyredis.config import Config
from pyredis.server.log import log

DIRECTIVES: Final = (
    "tls-cert-file",
    "tls-key-file",
    "tls-key-file-pass",
    "tls-client-cert-file",
    "tls-client-key-file",
    "tls-client-key-file-pass",
    "tls-dh-params-file",
    "tls-ca-cert-file",
    "tls-ca-cert-dir",
    "tls-auth-clients",
    "tls-protocols",
    "tls-ciphers",
    "tls-ciphersuites",
    "tls-prefer-server-ciphers",
    "tls-session-caching",
    "tls-session-cache-size",
    "tls-session-cache-timeout",
)
"""All that a context depends on."""

VERSIONS: Final = (
    ("tlsv1", ssl.TLSVersion.TLSv1, ssl.OP_NO_TLSv1),
    ("tlsv1.1", ssl.TLSVersion.TLSv1_1, ssl.OP_NO_TLSv1_1),
    ("tlsv1.2", ssl.TLSVersion.TLSv1_2, ssl.OP_NO_TLSv1_2),
    ("tlsv1.3", ssl.TLSVersion.TLSv1_3, ssl.OP_NO_TLSv1_3),
)
DEFAULT_VERSIONS: Final = ("tlsv1.2", "tlsv1.3")
DEFAULT_CACHE: Final = (20 * 1024, 300)

CLIENTS: Final = {"no": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "yes": ssl.CERT_REQUIRED}


class TlsError(Exception):
    """The configuration cannot be used; the text is for the log."""


class Tls:
    """The context in use, and the one that the CONFIG SET under way has replaced."""

    def __init__(self, config: Config) -> None:
        self.config: Config = config
        self.context: ssl.SSLContext | None = None
        self.replaced: ssl.SSLContext | None = None

    def configure(self) -> bool:
        """Makes a context of what is configured now; false when that cannot be, and the log says why.

        While a failed CONFIG SET is being undone, the context from before it comes back: by now the files of that
        time may hold anything.
        """
        if self.config.is_undoing:
            if self.replaced is not None:
                self.context = self.replaced
            return True
        self.replaced = None
        try:
            context = make_context(self.config)
        except TlsError as error:
            log.warning("%s", error)
            return False
        self.replaced = self.context
        self.context = context
        return True


def make_context(config: Config) -> ssl.SSLContext:
    """A context for accepting connections; raises `TlsError`."""
    certificate, key = config.get_str("tls-cert-file"), config.get_str("tls-key-file")
    if not certificate:
        raise TlsError("No tls-cert-file configured!")
    if not key:
        raise TlsError("No tls-key-file configured!")
    asks_clients = config.get_str("tls-auth-clients") != "no"
    if asks_clients and not config.get_str("tls-ca-cert-file") and not config.get_str("tls-ca-cert-dir"):
        raise TlsError(
            "Either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-cluster, tls-replication or "
            "tls-auth-clients are enabled!"
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.options |= ssl.OP_NO_RENEGOTIATION
    _set_protocols(context, config.get_str("tls-protocols"))
    _load_certificate(context, config, "")
    _load_authorities(context, config)
    context.verify_mode = CLIENTS[config.get_str("tls-auth-clients")]
    _set_ciphers(context, config)
    _set_sessions(context, config)
    _load_dh_params(context, config)
    if config.get_str("tls-client-cert-file") and config.get_str("tls-client-key-file"):
        # Nothing connects to other servers with TLS yet; a bad file is found now all the same, as in Redis.
        _load_certificate(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), config, "client-")
    return context


def reason(error: Exception) -> str:
    """What went wrong, in OpenSSL's words where they are known: `SSL routines::wrong version number`."""
    # These are None where OpenSSL has no words, whatever their declarations say.
    library: object = getattr(error, "library", None)
    words: object = getattr(error, "reason", None)
    if isinstance(error, ssl.SSLError) and isinstance(words, str):
        text = f"{library or 'SSL'} routines::{words.replace('_', ' ').lower()}"
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"{text} ({error.verify_message})"
        return text
    strerror: object = getattr(error, "strerror", None)
    return strerror if isinstance(strerror, str) and strerror else str(error)


def _set_protocols(context: ssl.SSLContext, text: str) -> None:
    words = text.lower().split(" ") if text else list(DEFAULT_VERSIONS)
    chosen = [version for name, version, _ in VERSIONS if name in words]
    if len(chosen) != len(set(words)):
        raise TlsError(
            "Invalid tls-protocols specified. Use a combination of 'TLSv1', 'TLSv1.1', 'TLSv1.2' and 'TLSv1.3'."
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # old versions are the administrator's choice
        context.minimum_version, context.maximum_version = chosen[0], chosen[-1]
        for _, version, option in VERSIONS:
            if version not in chosen:
                context.options |= option


def _load_certificate(context: ssl.SSLContext, config: Config, whose: str) -> None:
    """Loads a certificate and its key, the server's or, with `whose` as `client-`, the one for own connections."""
    certificate = config.get_str(f"tls-{whose}cert-file")
    key = config.get_str(f"tls-{whose}key-file")
    # Without a password OpenSSL would ask for it at the terminal.
    password = config.get_bytes(f"tls-{whose}key-file-pass")
    chain, private = config.resolve_path(certificate), config.resolve_path(key)
    try:
        # Only this tells a bad certificate from a bad key.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(chain)
    except (OSError, ValueError) as error:
        raise TlsError(f"Failed to load certificate: {certificate}: {reason(error)}") from error
    try:
        context.load_cert_chain(chain, private, password)
    except (OSError, ValueError) as error:
        raise TlsError(f"Failed to load private key: {key}: {reason(error)}") from error


def _load_authorities(context: ssl.SSLContext, config: Config) -> None:
    file, directory = config.get_str("tls-ca-cert-file"), config.get_str("tls-ca-cert-dir")
    if not file and not directory:
        return
    try:
        context.load_verify_locations(
            config.resolve_path(file) if file else None, config.resolve_path(directory) if directory else None
        )
    except (OSError, ValueError) as error:
        raise TlsError(f"Failed to configure CA certificate(s) file/directory: {reason(error)}") from error


def _set_ciphers(context: ssl.SSLContext, config: Config) -> None:
    if config.get_bool("tls-prefer-server-ciphers"):
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    else:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    ciphers = config.get_str("tls-ciphers")
    if ciphers:
        try:
            context.set_ciphers(ciphers)
        except (OSError, ValueError) as error:
            raise TlsError(f"Failed to configure ciphers: {ciphers}") from error
    suites = config.get_str("tls-ciphersuites")
    if suites:
        if not hasattr(context, "set_ciphersuites"):
            python = f"{sys.version_info[0]}.{sys.version_info[1]}"
            raise TlsError(
                f"Failed to configure ciphersuites: {suites}: Python {python} cannot choose among those of TLSv1.3"
            )
        try:
            context.set_ciphersuites(suites)
        except (OSError, ValueError) as error:
            raise TlsError(f"Failed to configure ciphersuites: {suites}") from error


def _set_sessions(context: ssl.SSLContext, config: Config) -> None:
    if not config.get_bool("tls-session-caching"):
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0
        return
    wanted = (config.get_int("tls-session-cache-size"), config.get_int("tls-session-cache-timeout"))
    if wanted != DEFAULT_CACHE:
        raise TlsError(
            "Failed to configure TLS sessions: Python cannot change tls-session-cache-size and "
            "tls-session-cache-timeout; leave them out, or set tls-session-caching to no"
        )


def _load_dh_params(context: ssl.SSLContext, config: Config) -> None:
    file = config.get_str("tls-dh-params-file")
    if file:
        try:
            context.load_dh_params(config.resolve_path(file))
        except (OSError, ValueError) as error:
            raise TlsError(f"{file}: failed to read DH params.") from error
