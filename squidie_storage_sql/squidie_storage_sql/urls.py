"""Storage URLs: what they address, which options they carry, and which of their parts are secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from squidie_core.adapters.scrubbing import Scrubber
from squidie_core.errors import OptionError
from squidie_storage_sql.options import option_error, unknown_option

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SECRETS = ("password", "sslpassword", "oauth_client_secret")
_FORMS = {
    "postgresql": "postgresql://user:password@host:5432/database",
    "sqlite": "sqlite:///runs.db",
}


@attrs.frozen
class Address:
    """A database's URL, ready for SQLAlchemy, and the options that came with it."""

    url: URL = attrs.field(repr=False)
    options: Mapping[str, Any]

    @property
    def scrub(self) -> Scrubber:
        """Masks this URL's secrets."""
        queried = (value for name in _SECRETS for value in self.url.normalized_query.get(name, ()))
        return Scrubber([self.url.password or "", *queried])

    def __str__(self) -> str:
        masked = {name: "***" if name in _SECRETS else value for name, value in self.url.query.items()}
        return self.url.set(query=masked).render_as_string(hide_password=True)


def postgresql_address(text: str, known: Iterable[str]) -> Address:
    """Raise OptionError for what is not a PostgreSQL URL."""
    from psycopg.pq import Conninfo  # noqa: PLC0415  # who uses SQLite need not load it

    url = _parse(text, "postgresql", ("postgresql", "postgresql+psycopg"))
    if "@" in (url.host or ""):
        raise option_error("url", "has more than one '@'; write an '@' in a user name or password as %40")
    theirs = {option.keyword.decode() for option in Conninfo.get_defaults()}
    url, options = _split(url, known, theirs)
    return Address(url.set(drivername="postgresql+psycopg"), options)


def sqlite_address(text: str, known: Iterable[str]) -> Address:
    """Raise OptionError for what is not a SQLite file's URL."""
    url = _parse(text, "sqlite", ("sqlite", "sqlite+pysqlite"))
    if url.database in (None, "", ":memory:") or str(url.database).startswith("file:"):
        raise option_error(
            "url", "names no file; write sqlite:///runs.db, or memory:// for a store that ends with the process"
        )
    if url.host or url.username or url.password:
        raise option_error(
            "url", "names a host; a relative path is sqlite:///runs.db, an absolute one sqlite:////srv/runs.db"
        )
    url, options = _split(url, known, ())
    return Address(url.set(drivername="sqlite+pysqlite"), options)


def _parse(text: str, scheme: str, drivers: tuple[str, ...]) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError, TypeError):
        url = None
    if url is None or url.drivername not in drivers:
        raise option_error("url", f"not a URL of the form {_FORMS[scheme]}") from None
    return url


def _split(url: URL, known: Iterable[str], theirs: Iterable[str]) -> tuple[URL, dict[str, Any]]:
    """The URL without our options, and these."""
    ours = set(known) - set(theirs)
    for name in url.query:
        if name not in ours and name not in theirs:
            raise unknown_option(name, {*ours, *theirs})
    options: dict[str, Any] = {}
    for name in ours & url.query.keys():
        value = url.query[name]
        if not isinstance(value, str):
            raise option_error(name, "given more than once in the URL")
        options[name] = value
    return url.difference_update_query(options), options


def merged(address: Address, given: Mapping[str, object]) -> dict[str, Any]:
    """The options of the URL and those of the call; neither overrides the other in silence."""
    for name in given.keys() & address.options.keys():
        raise OptionError(f"{name}: given twice, in the URL and beside it; keep one", details={"option": name})
    return {**address.options, **given}
