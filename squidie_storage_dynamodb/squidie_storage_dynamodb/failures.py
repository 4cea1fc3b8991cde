"""What botocore raises, as what can be done about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, cast

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProxyConnectionError,
)

from squidie_core.errors import SchemaError, StorageError, TooLarge, Unavailable
from squidie_storage_dynamodb.values import Item, Wire, item_from_wire

_THROTTLED = {
    "LimitExceededException",
    "ProvisionedThroughputExceeded",  # so named among the reasons of a transaction
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingError",
    "ThrottlingException",
}
_CONFLICT = {"TransactionConflictException", "ReplicatedWriteConflictException"}
_CONTENT = {"ValidationException", "SerializationException", "ItemCollectionSizeLimitExceededException"}
_AGAIN = {"TransactionInProgressException"}  # the same request is being worked on
_LOGIN = {
    "ExpiredTokenException",
    "IncompleteSignatureException",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "UnrecognizedClientException",
}
_NO_TABLE = {"ResourceNotFoundException", "IndexNotFoundException"}
_SERVER_ERROR = 500
_UNREACHED = (ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError)

Why = Literal["condition", "conflict", "content"]


class Declined(Exception):
    """The request had no effect: a condition did not hold, another transaction was at it, or it can never be taken."""

    def __init__(self, why: Why, message: str, *, item: Item | None = None, reasons: Sequence[Reason] = ()) -> None:
        super().__init__(message)
        self.why: Why = why
        self.item = item
        """What the item is whose condition did not hold; None: there is none."""
        self.reasons = reasons
        """By item of the transaction."""
        self.unknown = False
        """Whether an earlier try of the same request may have taken effect."""


class Reason:
    """Why one item of a transaction stood in its way; `code` is `None` (the text) where it did not."""

    __slots__ = ("code", "item", "message")

    def __init__(self, reason: Mapping[str, Any]) -> None:
        item = cast("Wire | None", reason.get("Item"))
        self.code: str = reason.get("Code", "None")
        self.message: str = reason.get("Message", "")
        self.item = None if item is None else item_from_wire(item)


class Retriable(Exception):
    """Worth another try. `unknown`: the request may have taken effect."""

    def __init__(self, message: str, *, unknown: bool = False) -> None:
        super().__init__(message)
        self.unknown = unknown


def meaning(error: Exception, scrub: Callable[[str], str]) -> Exception:
    """Declined, Retriable, or an error of the port."""
    if isinstance(error, ClientError):
        return _answered(error, scrub)
    text = scrub(str(error))
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return Unavailable(f"DynamoDB cannot be used without credentials; configure AWS's as for any client: {text}")
    if isinstance(error, ParamValidationError):
        return Declined("content", f"DynamoDB cannot take this: {text}")
    if isinstance(error, _UNREACHED):
        return Retriable(f"DynamoDB cannot be reached: {text}")
    if isinstance(error, HTTPClientError):
        return Retriable(f"DynamoDB did not answer: {text}", unknown=True)
    if isinstance(error, BotoCoreError):
        return Unavailable(f"DynamoDB cannot be used: {text}")
    return error


def _answered(error: ClientError, scrub: Callable[[str], str]) -> Exception:
    answer = cast("Mapping[str, Any]", error.response)
    code: str = answer.get("Error", {}).get("Code", "")
    text = scrub(answer.get("Error", {}).get("Message", "") or code)
    declined = _declined(code, text, answer)
    if declined is not None:
        return declined
    if code in _THROTTLED:
        return Retriable(f"DynamoDB throttles this table or account: {text}")
    if code in _AGAIN:
        return Retriable(f"DynamoDB is still at it: {text}", unknown=True)
    if code in _LOGIN:
        return Unavailable(f"DynamoDB does not accept these credentials: {text}", details={"aws_code": code})
    if code in _NO_TABLE:
        return SchemaError(f"the table or one of its indexes is missing ({text}); run `squidie migrate URL`")
    if answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= _SERVER_ERROR:
        return Retriable(f"DynamoDB has trouble: {text}", unknown=True)
    return StorageError(f"DynamoDB refused the request: {text}", details={"aws_code": code})


def _declined(code: str, text: str, answer: Mapping[str, Any]) -> Exception | None:
    """The answers that say that nothing was done because of what is there, or of what was to be done."""
    if code == "ConditionalCheckFailedException":
        item = cast("Wire | None", answer.get("Item"))
        return Declined("condition", text, item=None if item is None else item_from_wire(item))
    if code == "TransactionCanceledException":
        return _cancelled(text, [Reason(reason) for reason in answer.get("CancellationReasons", ())])
    if code in _CONFLICT:
        return Declined("conflict", text)
    return Declined("content", text) if code in _CONTENT else None


def _cancelled(text: str, reasons: Sequence[Reason]) -> Exception:
    """A condition that does not hold says more than a lack of capacity, and this more than a conflict."""
    codes = {reason.code for reason in reasons}
    if "ConditionalCheckFailed" in codes:
        return Declined("condition", text, reasons=reasons)
    if codes & {"ValidationError", "ItemCollectionSizeLimitExceeded"}:
        told = next((reason.message for reason in reasons if reason.message), text)
        return Declined("content", told, reasons=reasons)
    if codes & _THROTTLED:
        return Retriable(f"DynamoDB throttles this table or account: {text}")
    return Declined("conflict", text, reasons=reasons)


def unstorable(message: str) -> StorageError:
    """The error for content that DynamoDB never takes."""
    if "size" in message.lower():
        return TooLarge(f"DynamoDB cannot store this: {message}")
    return StorageError(f"DynamoDB cannot store this: {message}", code="refused")
