"""The notifier port over PUBLISH and SUBSCRIBE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidie_core.adapters.sending import Sender
from squidie_core.errors import Unavailable
from squidie_leases_redis.addresses import understood
from squidie_leases_redis.hints import channel
from squidie_leases_redis.lines import line, publishing
from squidie_leases_redis.listener import RedisListener
from squidie_leases_redis.options import RedisNotifierOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from squidie_core.ports.notifier import Subscription
    from squidie_leases_redis.addresses import Address


class RedisNotifier:
    """Hints through a Redis, to everybody who names the same prefix and namespace.

    Takes one connection to send and, once somebody listens, one to listen; both come back by themselves. Stores
    nothing. Implements `squidie_core.ports.Notifier`. Safe to use from many threads, not across a fork.
    """

    def __init__(self, address: Address, options: RedisNotifierOptions) -> None:
        self._address = address
        self._options = options
        name = channel(options)
        sending = line(address, options, "hints cannot be sent")
        self._sender = Sender(sending, publishing(name), probing_to_the_end=True)  # the last one ends the listener
        hearing = line(address, options, "hints cannot be heard")
        self._listener = RedisListener(hearing, name, self._sender.probe, options)
        self._closed = False

    def __repr__(self) -> str:
        return f"<RedisNotifier {self._address} namespace={self._options.namespace!r}>"

    @property
    def working(self) -> bool:
        """Whether a message that this notifier sent itself came back, lately and on the connection it has."""
        return self._listener.working

    def notify(self, queues: Mapping[str, int]) -> None:
        """Leave the hints to the sender."""
        self._sender.hint(queues)

    def listen(self, queue: str, wake: Callable[[int], None]) -> Subscription:
        """Call `wake` on each hint, and with 1 when the connection is lost and when it is back."""
        if self._closed:
            raise Unavailable("this notifier is closed; open another one")
        return self._listener.add(queue, wake)

    def close(self) -> None:
        """End all subscriptions; send what was not sent yet."""
        if not self._closed:
            self._closed = True
            self._listener.close()
            self._sender.close()


def open_notifier(url: str, **options: object) -> RedisNotifier:
    """A notifier at a `redis://`, `rediss://` or `redis+unix://` URL; options: see `RedisNotifierOptions`.

    Connects when it is used. Raises OptionError.
    """
    return RedisNotifier(*understood(url, options, RedisNotifierOptions))
