"""Parts of recorded dynamic work: where it came from, its nodes, what leads to what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from squidie_core.dataclass import record
from squidie_core.definition.model import RetryPolicy


@record(frozen=True, slots=True)
class WorkOrigin:
    """The runnable that the work came out of."""

    runnable_key: str
    step: str
    attempt: int


@record(frozen=True, slots=True)
class WorkNode:
    """One node; `action` is the key under which workers know its body. Values are plain JSON."""

    id: str
    action: str | None = None
    input: Mapping[str, Any] = field(default_factory=dict[str, Any])
    retry: RetryPolicy | None = None
    timeout: int | None = None
    """Milliseconds for each attempt."""
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])


@record(frozen=True, slots=True)
class WorkEdge:
    """`target` comes after `source`, which is a node of the same work or the step that the work came out of."""

    id: str
    source: str
    target: str
    type: str = "dynamic"
