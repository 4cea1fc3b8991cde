"""What goes over the wire between boto3 and DynamoDB: watched, and disturbed, through botocore's event hooks."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from squidie_storage_dynamodb import DynamodbStorage

Request = Mapping[str, Any]
"""The body of a request, as DynamoDB gets it."""

Act = Callable[[Any], AWSResponse | None]
"""What happens in place of sending a prepared request; `None`: it is sent after all."""


@dataclass
class Trouble:
    """Something that happens to requests of an operation, so many times, after so many that go well."""

    operation: str
    act: Act
    times: int
    after: int
    only: Callable[[Request], bool]


@dataclass
class Wire:
    """The requests of one client, in the order in which they were sent, and the trouble they get into."""

    storage: DynamodbStorage
    sent: list[tuple[str, Request]] = field(default_factory=list[tuple[str, Request]])
    troubles: list[Trouble] = field(default_factory=list[Trouble])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def client(self) -> Any:
        return self.storage.table.calls.client

    def operations(self) -> list[str]:
        """The names of what was sent, in order."""
        with self._lock:
            return [name for name, _ in self.sent]

    def clear(self) -> None:
        with self._lock:
            self.sent.clear()

    def before_send(self, request: Any, event_name: str, **_: Any) -> AWSResponse | None:
        operation = event_name.rpartition(".")[2]
        body: Request = json.loads(request.body)
        with self._lock:
            self.sent.append((operation, body))
            act = self._act_for(operation, body)
        return None if act is None else act(request)

    def _act_for(self, operation: str, body: Request) -> Act | None:
        for trouble in self.troubles:
            if trouble.operation == operation and trouble.times and trouble.only(body):
                if trouble.after:
                    trouble.after -= 1
                    return None
                trouble.times -= 1
                return trouble.act
        return None

    def trouble(
        self,
        operation: str,
        act: Act,
        *,
        times: int = 1,
        after: int = 0,
        only: Callable[[Request], bool] = lambda _: True,
    ) -> None:
        """Let this happen to requests that are sent from now on."""
        with self._lock:
            self.troubles.append(Trouble(operation, act, times, after, only))

    @property
    def calm(self) -> bool:
        """Whether all trouble has happened."""
        with self._lock:
            return not any(trouble.times for trouble in self.troubles)

    # What can happen

    def lose_answer(self, request: Any) -> AWSResponse | None:
        """The request takes effect, and its answer never comes."""
        self.deliver(request)
        raise ReadTimeoutError(endpoint_url=request.url)

    def drop(self, request: Any) -> AWSResponse | None:
        """The connection breaks before anything arrives, which nobody can tell."""
        raise ConnectionClosedError(endpoint_url=request.url)

    def twice(self, request: Any) -> AWSResponse | None:
        """The request arrives twice, and the second answer comes: a client that sends again by itself."""
        self.deliver(request)
        return self.deliver(request)

    def deliver(self, request: Any) -> AWSResponse:
        """Send it for real."""
        answer: AWSResponse = self.client._endpoint.http_session.send(request)  # noqa: SLF001 -- what botocore does next
        return answer


@contextmanager
def wire(storage: DynamodbStorage) -> Generator[Wire]:
    """Watch what the storage sends from now on."""
    watched = Wire(storage)
    events = watched.client.meta.events
    events.register_first("before-send.dynamodb", watched.before_send)
    try:
        yield watched
    finally:
        events.unregister("before-send.dynamodb", watched.before_send)


def refusal(code: str, status: int = 400, message: str = "because the test says so", **more: Any) -> Act:
    """An answer that DynamoDB gives, and this one did not."""
    told = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": message, **more}
    return answer_with(json.dumps(told).encode(), status)


def answer_with(body: bytes, status: int = 200) -> Act:
    """This answer, whatever is asked."""

    def act(request: Any) -> AWSResponse:
        headers = HTTPHeaders.from_dict({"content-type": "application/x-amz-json-1.0"})
        return AWSResponse(request.url, status, headers, _Raw(body))

    return act


def cancelled(*codes: str) -> Act:
    """A transaction that did not happen, for these reasons, one for each item."""
    reasons = [{"Code": code, "Message": "because the test says so"} for code in codes]
    message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{', '.join(codes)}]"
    return refusal("TransactionCanceledException", message=message, CancellationReasons=reasons)


class _Raw(io.BytesIO):
    """A body that botocore reads as it comes from the socket."""

    def stream(self, *_: Any, **__: Any) -> Generator[bytes]:
        yield self.read()


def reads(sent: Sequence[tuple[str, Request]]) -> list[tuple[str, str | None, bool]]:
    """Of each read: operation, index, whether it was strongly consistent."""
    found: list[tuple[str, str | None, bool]] = []
    for operation, body in sent:
        if operation == "BatchGetItem":
            found += [(operation, None, asked.get("ConsistentRead", False)) for asked in body["RequestItems"].values()]
        elif operation in ("GetItem", "Query", "Scan"):
            found.append((operation, body.get("IndexName"), body.get("ConsistentRead", False)))
    return found
