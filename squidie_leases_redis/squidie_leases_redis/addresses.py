"""Redis URLs: what they address, which options they carry, and which of their parts are secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import attrs
from redis import Redis

from squidie_core.adapters.scrubbing import MASK, Scrubber
from squidie_core.errors import OptionError
from squidie_leases_redis.options import RedisOptions, option_error, unknown_option

if TYPE_CHECKING:
    from collections.abc import Mapping
    from urllib.parse import SplitResult

_FORM = "redis://user:password@host:6379/0, rediss://... for TLS, or redis+unix:///run/redis.sock"
_SCHEMES = {"redis": "redis", "rediss": "rediss", "redis+unix": "unix", "unix": "unix"}
_SECRETS = ("password", "ssl_password")
_THEIRS = (
    "db",
    "client_name",
    "password",
    "ssl_ca_certs",
    "ssl_ca_path",
    "ssl_cert_reqs",
    "ssl_certfile",
    "ssl_check_hostname",
    "ssl_keyfile",
    "ssl_password",
)
"""What redis-py may be told in the URL."""

Options = TypeVar("Options", bound=RedisOptions)


@attrs.frozen
class Address:
    """Where a Redis is, fit for redis-py. Its text has no password."""

    url: str = attrs.field(repr=False)
    shown: str
    secrets: tuple[str, ...] = attrs.field(repr=False)

    @property
    def is_socket(self) -> bool:
        """Whether it is reached through a socket of this machine."""
        return self.url.startswith("unix:")

    def scrub(self, text: str) -> str:
        """The text with a mask for each of the URL's secrets, in any of the spellings that a URL allows."""
        return Scrubber(self.secrets)(text)

    def __str__(self) -> str:
        return self.shown


def understood(url: str, given: Mapping[str, object], kind: type[Options]) -> tuple[Address, Options]:
    """What a URL and the options beside it say. Raises OptionError."""
    parts = _split(url)
    ours = {field.name for field in attrs.fields(kind)}
    known = {*ours, *_THEIRS}
    query = parse_qsl(parts.query, keep_blank_values=True)
    for name in given:
        if name not in ours:
            raise unknown_option(name, ours)
    for name, _ in query:
        if name not in known:
            raise unknown_option(name, known)
        if name.startswith("ssl_") and parts.scheme != "rediss":
            raise option_error(name, "goes with a rediss:// URL")
    chosen: dict[str, Any] = {name: value for name, value in query if name in ours}
    for name, value in given.items():
        if name in chosen and chosen[name] != value:
            raise OptionError(f"{name}: the URL and the call differ; keep one", details={"option": name})
        chosen[name] = value
    options = kind(**chosen)
    if options.cluster and _SCHEMES[parts.scheme] == "unix":
        raise option_error("cluster", "cannot be reached through a socket; name a host")
    return _address(parts, [item for item in query if item[0] in _THEIRS]), options


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 -- it is read to see whether it can be
    except (ValueError, AttributeError):
        parts = urlsplit("")
    if parts.scheme not in _SCHEMES or parts.fragment:
        raise option_error("url", f"not a URL of the form {_FORM}")
    is_socket = _SCHEMES[parts.scheme] == "unix"
    if is_socket != (parts.hostname is None) or not (is_socket or parts.path.strip("/").isdigit() or not parts.path):
        raise option_error("url", f"not a URL of the form {_FORM}; write / # ? in a password as %2F %23 %3F")
    return parts


def _address(parts: SplitResult, query: list[tuple[str, str]]) -> Address:
    rest = f"?{urlencode(query)}" if query else ""
    url = f"{_SCHEMES[parts.scheme]}://{parts.netloc}{parts.path}{rest}"
    client: Any = Redis
    try:
        client.from_url(url).close()
    except (ValueError, TypeError):
        raise option_error("url", f"not a URL of the form {_FORM}") from None
    secrets = [unquote(parts.password or ""), *(value for name, value in query if name in _SECRETS)]
    login, at, place = parts.netloc.rpartition("@")
    user, colon, _ = login.partition(":")
    shown = f"{parts.scheme}://{user}{colon}{MASK if colon else ''}{at}{place}{parts.path}"
    return Address(url, shown, tuple(secret for secret in secrets if secret))
