"""The connections of a notifier, and what is said on them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from squidie_core.adapters.lines import Line
from squidie_leases_redis.hints import encode_hints
from squidie_leases_redis.server import FAILURES, connect

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from squidie_core.adapters.sending import Send
    from squidie_leases_redis.addresses import Address
    from squidie_leases_redis.options import RedisOptions
    from squidie_leases_redis.server import Client


def line(address: Address, options: RedisOptions, purpose: str) -> Line[Client]:
    """Clients that nobody has used."""

    @contextmanager
    def opened() -> Generator[Client]:
        client = connect(address, options, encoding_errors="replace")  # anybody may send anything
        try:
            yield client
        finally:
            client.close()

    return Line(opened, failures=FAILURES, scrub=address.scrub, purpose=purpose)


def publishing(channel: str) -> Send[Client]:
    """Sends hints to the channel."""

    def send(client: Client, counts: Mapping[str, int], probed: str | None) -> None:
        if counts:
            client.publish(channel, encode_hints(counts))
        if probed is not None:
            client.publish(probed, "")

    return send
