"""A Redis as the parts of this adapter talk to it: connections, scripts, and errors in the port's own types."""

from __future__ import annotations

import hashlib
import re
import threading
from typing import TYPE_CHECKING, Any, Protocol, cast

import attrs
from redis import Redis, RedisCluster, exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from squidie_core.errors import StorageError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from squidie_core.errors import Outcome
    from squidie_leases_redis.addresses import Address
    from squidie_leases_redis.options import RedisOptions

FAILURES = (exceptions.RedisError, exceptions.RedisClusterException, OSError)
"""What an outage raises."""
_UNABLE = (exceptions.ReadOnlyError, exceptions.OutOfMemoryError, exceptions.ClusterError, exceptions.BusyLoadingError)
_PASSING = re.compile(r"\b(BUSY|CLUSTERDOWN|LOADING|MASTERDOWN|MISCONF|NOPERM|NOREPLICAS|OOM|READONLY|TRYAGAIN)\b")
"""What an answer says, also from within a script, where the server cannot do it, rather than was asked wrongly."""

Word = str | int


@attrs.frozen
class Script:
    """A Lua script, known to servers by its hash."""

    text: str
    sha: str = attrs.field(
        default=attrs.Factory(
            lambda self: hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest(), takes_self=True
        )
    )


class Client(Protocol):
    """What is used of redis-py's clients, whose own annotations are for two worlds at once."""

    def evalsha(self, sha: str, numkeys: int, *keys_and_args: Word) -> Any:
        """Run a script that the server knows."""
        ...

    def eval(self, script: str, numkeys: int, *keys_and_args: Word) -> Any:
        """Run a script, and let the server know it."""
        ...

    def publish(self, channel: str, message: str) -> Any:
        """Send a message."""
        ...

    def pubsub(self) -> Channels:
        """A connection that hears messages."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...


class Channels(Protocol):
    """The same of a connection that hears messages."""

    def subscribe(self, *channels: str) -> Any:
        """Hear what is sent to these channels."""
        ...

    def get_message(self, *, ignore_subscribe_messages: bool, timeout: float) -> Mapping[str, object] | None:
        """The next message, or nothing within so many seconds."""
        ...

    def close(self) -> None:
        """Give back the connection."""
        ...


def connect(address: Address, options: RedisOptions, *, encoding_errors: str = "surrogatepass") -> Client:
    """A client, which connects when it is used; that of a cluster connects now, and raises what redis-py raises."""
    seconds = options.timeout / 1000
    settings: dict[str, Any] = {
        "socket_timeout": seconds,
        "socket_connect_timeout": seconds,
        "retry": Retry(NoBackoff(), 0),  # what is sent twice may act twice; callers know what may be
        "protocol": 2,
        "decode_responses": True,
        "encoding_errors": encoding_errors,
    }
    if not address.is_socket:
        settings["socket_keepalive"] = True
    kind: Any = RedisCluster if options.cluster else Redis
    return cast("Client", kind.from_url(address.url, **settings))


class Server:
    """A server or a cluster. Connects when it is used, and anew after every failure. Safe to use from many threads."""

    def __init__(self, address: Address, options: RedisOptions, name: str) -> None:
        self.address = address
        self._options = options
        self._name = name
        self._lock = threading.Lock()
        self._client: Client | None = None
        self._closed = False

    def run(self, script: Script, keys: Sequence[str], words: Sequence[Word] = (), *, outcome: Outcome = "none") -> Any:
        """Run a script, in one round trip where the server knows it already. All its keys have the same hash tag.

        It is sent once: after Unavailable it has taken effect wholly or, more likely, not at all; `outcome` says
        whether that matters.
        """
        try:
            return self._sent(script, keys, words)
        except FAILURES as error:
            failure = self._failure(error, outcome)
            if "READONLY" in str(error) or isinstance(error, exceptions.ReadOnlyError):
                self._forget_client()  # its connections lead to what was the primary once; the URL may lead elsewhere
        raise failure  # outside, because the driver's error would be its context, and may quote a password

    def client(self) -> Client:
        """The client, made when it is first needed. Raises what redis-py does, and Unavailable once closed."""
        with self._lock:
            if self._closed:
                raise Unavailable(f"this {self._name} is closed; open another one")
            if self._client is None:
                self._client = connect(self.address, self._options)
            return self._client

    def close(self) -> None:
        """Give back connections."""
        with self._lock:
            self._closed = True
        self._forget_client()

    def scrub(self, error: BaseException) -> str:
        """The error's text without passwords."""
        return self.address.scrub(str(error).strip() or type(error).__name__)

    def _forget_client(self) -> None:
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _sent(self, script: Script, keys: Sequence[str], words: Sequence[Word]) -> Any:
        client = self.client()
        try:
            return client.evalsha(script.sha, len(keys), *keys, *words)
        except exceptions.NoScriptError:
            return client.eval(script.text, len(keys), *keys, *words)

    def _failure(self, error: Exception, outcome: Outcome) -> StorageError:
        text = self.scrub(error)
        if isinstance(error, exceptions.AuthenticationError):
            return Unavailable(f"Redis refuses the login: {text}; check the user and password of the URL")
        if isinstance(error, exceptions.TimeoutError):
            return Unavailable(
                f"Redis did not answer within {self._options.timeout} ms ({text}); try again", outcome=outcome
            )
        if isinstance(error, _UNABLE) or _PASSING.search(text):
            return Unavailable(f"Redis cannot serve the request now: {text}")
        if isinstance(error, exceptions.ResponseError):
            return StorageError(f"Redis refused the request: {text}", code="refused")
        if isinstance(error, exceptions.ConnectionError | exceptions.RedisClusterException | OSError):
            return Unavailable(f"Redis at {self.address} cannot be reached: {text}", outcome=outcome)
        return StorageError(f"redis-py failed: {text}")
