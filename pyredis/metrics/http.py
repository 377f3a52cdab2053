"""The little of HTTP/1.1 that a scraper needs, sans-IO: requests without a body in, responses out.

Follows RFC 9112 where it matters to a server that only answers GET and HEAD. A request that has a body is refused
with the body unread, so the connection closes. Rules kept: what is buffered of an incomplete request is bounded, and
nothing that a peer sends raises anything but `HttpError`.
"""

from __future__ import annotations

from typing import Final

HEAD_BYTES: Final = 8192
"""The longest head of a request."""
FIELDS_MAX: Final = 64

REASONS: Final[dict[int, str]] = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    413: "Content Too Large",
    431: "Request Header Fields Too Large",
    501: "Not Implemented",
    503: "Service Unavailable",
    505: "HTTP Version Not Supported",
}

_TOKEN: Final = frozenset(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


class HttpError(Exception):
    """A request that cannot be answered; the connection closes behind the response with this status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status: int = status
        self.message: str = message


class HttpRequest:
    """A request: `path` is without the query, the names of `fields` are in lower case."""

    def __init__(self, method: str, path: str, fields: dict[str, str], is_kept: bool) -> None:
        self.method: str = method
        self.path: str = path
        self.fields: dict[str, str] = fields
        self.is_kept: bool = is_kept
        """Whether the connection stays open for another request."""
        self.is_answered: bool = False


class HttpReader:
    """Makes requests of bytes."""

    def __init__(self) -> None:
        self._data: bytes = b""

    def feed(self, data: bytes) -> None:
        """Takes what arrived."""
        self._data += data

    def has_data(self) -> bool:
        """Whether a request has begun."""
        return self._data != b""

    def next_request(self) -> HttpRequest | None:
        """The next request, or None until more arrives; raises `HttpError`."""
        data = self._data.lstrip(b"\r\n") if self._data[:1] in (b"\r", b"\n") else self._data
        self._data = data
        end = _end_of_head(data)
        if end < 0:
            if len(data) > HEAD_BYTES:
                raise HttpError(431, "the head of the request is too long")
            return None
        if end > HEAD_BYTES:
            raise HttpError(431, "the head of the request is too long")
        self._data = data[end:]
        lines = [line.removesuffix(b"\r") for line in data[:end].split(b"\n")]
        while lines and not lines[-1]:
            lines.pop()
        return _request(lines)


def _end_of_head(data: bytes) -> int:
    """Behind the empty line; a bare line feed ends a line, too, as RFC 9112 allows."""
    strict, bare = data.find(b"\n\r\n"), data.find(b"\n\n")
    if bare >= 0 and (strict < 0 or bare < strict):
        return bare + 2
    return strict + 3 if strict >= 0 else -1


def _request(lines: list[bytes]) -> HttpRequest:
    words = lines[0].split(b" ")
    if len(words) != 3 or not words[0] or not all(byte in _TOKEN for byte in words[0]):
        raise HttpError(400, "this port speaks HTTP")
    if words[2] not in (b"HTTP/1.1", b"HTTP/1.0"):
        raise HttpError(505 if words[2].startswith(b"HTTP/") else 400, "this port speaks HTTP/1.1")
    if words[0] not in (b"GET", b"HEAD"):
        raise HttpError(405, "only GET and HEAD")
    fields = _fields(lines[1:])
    if "transfer-encoding" in fields:
        raise HttpError(501, "a request has no body here")
    length = fields.get("content-length", "0")
    if not length.isascii() or not length.isdigit():
        raise HttpError(400, "not a length")
    if length.strip("0"):
        raise HttpError(413, "a request has no body here")
    is_new = words[2] == b"HTTP/1.1"
    if is_new and "host" not in fields:
        raise HttpError(400, "a request names its host")
    options = [option.strip() for option in fields.get("connection", "").lower().split(",")]
    is_kept = "close" not in options and (is_new or "keep-alive" in options)
    return HttpRequest(words[0].decode("ascii"), _path(words[1]), fields, is_kept)


def _path(target: bytes) -> str:
    text = target.decode("latin-1")
    if text.startswith("http://"):  # as a proxy is asked
        text = "/" + text[len("http://") :].partition("/")[2]
    return text.partition("?")[0]


def _fields(lines: list[bytes]) -> dict[str, str]:
    if len(lines) > FIELDS_MAX:
        raise HttpError(431, "too many header fields")
    fields: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not name or not all(byte in _TOKEN for byte in name):
            raise HttpError(400, "not a header field")
        key = name.decode("ascii").lower()
        text = value.strip(b" \t").decode("latin-1")
        if key in fields:
            if key in ("content-length", "host"):
                raise HttpError(400, f"more than one {key}")
            text = f"{fields[key]}, {text}"
        fields[key] = text
    return fields


def response(status: int, content_type: str, body: bytes, is_kept: bool, with_body: bool) -> bytes:
    """A response with its length; without the body where HEAD asked for it."""
    lines = [
        f"HTTP/1.1 {status} {REASONS[status]}",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        f"Connection: {'keep-alive' if is_kept else 'close'}",
    ]
    if status == 405:
        lines.append("Allow: GET, HEAD")
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")
    return head + body if with_body else head
