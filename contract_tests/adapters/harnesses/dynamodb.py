"""DynamoDB: one table for all worlds, each in a namespace of its own; the wire is where botocore sends a request."""

from __future__ import annotations

from typing import Any, cast
from uuid import uuid4

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError

from adapters.harnesses.servers import DYNAMODB_SECRET, dynamodb_url
from squidie_contract import Capability, Cut, Harness, Wire
from squidie_storage_dynamodb import DynamodbStorage, open_dynamodb


class DynamodbHarness(Harness):
    """An emulator, whose indexes do not lag; nothing says to one client what another has got from `due`."""

    supports = Capability.CRASH_SAFE

    def __init__(self) -> None:
        self._table = dynamodb_url()
        self._namespace = uuid4().hex

    @property
    def url(self) -> str:
        return f"{self._table}&namespace={self._namespace}"

    @property
    def secrets(self) -> tuple[str, ...]:
        return (DYNAMODB_SECRET,)

    def storage(self, wire: Wire) -> DynamodbStorage:
        storage = open_dynamodb(self.url, retry_for=0.1)  # what is cut off stays so for as long as a test takes
        client: Any = storage.table.calls.client

        def send(request: Any, event_name: str, **_: object) -> AWSResponse:
            try:
                with wire(event_name.rpartition(".")[2]):
                    session = client._endpoint.http_session  # noqa: SLF001  # what botocore does next
                    return cast("AWSResponse", session.send(request))
            except Cut as cut:
                raise ConnectionClosedError(endpoint_url=request.url) from cut

        client.meta.events.register("before-send.dynamodb", send)
        return storage
