"""The connections of a notifier, and what is said on them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg

from squidie_core.adapters.lines import Line
from squidie_storage_sql.postgresql.channels import encode_hint
from squidie_storage_sql.postgresql.connections import DEFAULTS, ignore

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from sqlalchemy.engine import URL

    from squidie_core.adapters.scrubbing import Scrubber
    from squidie_core.adapters.sending import Send
    from squidie_storage_sql.postgresql.listener import Connection

NOTIFY = "select pg_notify(channel, payload) from unnest(%s::text[], %s::text[]) as hint (channel, payload)"
"""channels, payloads"""


def line(url: URL, scrub: Scrubber, purpose: str) -> Line[Connection]:
    """Connections that commit each statement and prepare none, so that poolers of any kind may be between."""
    defaults = DEFAULTS | {"fallback_application_name": "squidie-notifier"}
    settings: dict[str, Any] = {name: value for name, value in defaults.items() if name not in url.query}
    settings |= url.get_dialect()().create_connect_args(url)[1]

    @contextmanager
    def connect() -> Generator[Connection]:
        connection = psycopg.connect(**settings, autocommit=True, prepare_threshold=None)
        connection.add_notify_handler(ignore)
        try:
            yield connection
        finally:
            connection.close()

    return Line(connect, failures=(psycopg.Error, OSError), scrub=scrub, purpose=purpose)


def notifying(channel: str) -> Send[Connection]:
    """Sends hints to the channel."""

    def send(connection: Connection, counts: Mapping[str, int], probed: str | None) -> None:
        hints = [hint for queue, count in counts.items() if (hint := encode_hint(queue, count)) is not None]
        channels = [channel] * len(hints)
        if probed is not None:
            channels.append(probed)
            hints.append("")
        connection.execute(NOTIFY, (channels, hints))

    return send
