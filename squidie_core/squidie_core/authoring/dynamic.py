"""Dynamic work as applications write it: nodes that come out of a step at run time, and the actions they may use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any, Protocol, TypeAlias

from squidie_core.authoring.durations import Duration
from squidie_core.authoring.policies import Retry
from squidie_core.dataclass import dataclass


class Origin(Protocol):
    """An attempt at a step, such as one of `Snapshot.attempts`."""

    @property
    def runnable_key(self) -> str:
        """The key of the runnable."""
        ...

    @property
    def step(self) -> str:
        """The step's name."""
        ...

    @property
    def attempt(self) -> int:
        """1 for the first attempt."""
        ...


@dataclass(frozen=True, slots=True)
class DynamicNode:
    """One node. `action` is a key of `Squidie(actions=...)`; a node that is only recorded may have none.

    `id` names the node among the run's steps and nodes, and its result in the run's context. `retry` is a Retry, or how
    often to attempt it; which exceptions count is the action's to say.
    """

    id: str
    action: str | None = None
    input: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)
    retry: Retry | int | None = None
    timeout: Duration | None = None
    """How long each attempt may take, as a step's `timeout=`."""
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)


@dataclass(frozen=True, slots=True)
class DynamicEdge:
    """`target` comes after `source`: a node of the same work, or the step that the work came out of."""

    source: str
    target: str
    id: str | None = None
    """`None`: `<source>:<type>:<target>`."""
    type: str = "dynamic"


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamicWork:
    """Nodes that came out of a step at run time, and what leads to what.

    `key` tells the run's works apart: adding one again under its key changes nothing. `origin` is the attempt that it
    came out of; nodes that no edge leads to follow it alone.
    """

    key: str
    origin: Origin | Mapping[str, Any]
    nodes: Sequence[DynamicNode | Mapping[str, Any]]
    edges: Sequence[DynamicEdge | Mapping[str, Any]] = ()
    reason: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)


@dataclass(frozen=True, slots=True)
class Action:
    """What executes nodes of dynamic work: a body like a step's, sync or async.

    It takes its parameters by name from the node's input. `retry_on` and `give_up_on` say which exceptions count for
    the retries of nodes, as in Retry. One that is not `enabled` is refused in new work, and not executed here.
    """

    body: Callable[..., Any]
    enabled: bool = True
    retry_on: tuple[type[Exception], ...] = ()
    give_up_on: tuple[type[Exception], ...] = ()


ActionMap: TypeAlias = Mapping[str, Callable[..., Any] | Action]
"""Actions by the keys that nodes name."""
