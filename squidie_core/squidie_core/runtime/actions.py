"""The actions that nodes of dynamic work may use: an allow-list, and their bodies."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from squidie_core.authoring import Body, Retry
from squidie_core.authoring.dynamic import Action, ActionMap
from squidie_core.authoring.signatures import Signature, read_signature
from squidie_core.errors import OptionError
from squidie_core.runtime import options
from squidie_core.state.index import ANY_ACTION, action_need

OUTPUT = "result"
"""What bodies call their result; it is stored under the node's id."""


class Actions:
    """Bodies by action key. Immutable; safe to share between threads."""

    def __init__(self, given: ActionMap, resources: Mapping[type, object]) -> None:
        self._bodies: dict[str, Body] = {}
        self._disabled: set[str] = set()
        for key, declared in given.items():
            action = declared if isinstance(declared, Action) else Action(declared)
            body = _body(options.text("actions", key, 200), action, resources)
            if action.enabled:
                self._bodies[key] = body
            else:
                self._disabled.add(key)

    def __bool__(self) -> bool:
        return bool(self._bodies or self._disabled)

    def body(self, key: str) -> Body | None:
        """The action's body, if it may be executed here."""
        return self._bodies.get(key)

    @property
    def bodies(self) -> Iterable[Body]:
        """All that may be executed here."""
        return self._bodies.values()

    def items(self) -> Iterable[tuple[str, Body]]:
        """The same by their keys."""
        return self._bodies.items()

    def refusal(self, key: object) -> str | None:
        """Why a node may not have this action: the original's word for it."""
        if key is None:
            return "missing_action_key"
        if not isinstance(key, str) or not key:
            return "invalid_action_key"
        if key in self._disabled:
            return "disabled_action_key"
        return None if key in self._bodies else "unknown_action_key"

    def offers(self, *, threads: bool, coroutines: bool) -> Iterable[str]:
        """What a worker with slots for these kinds of bodies offers, in the form of the index's `needs`."""
        found = [key for key, body in self._bodies.items() if (coroutines if body.is_async else threads)]
        return (ANY_ACTION, *map(action_need, found)) if found else ()


def _body(key: str, action: Action, resources: Mapping[type, object]) -> Body:
    function: Any = action.body
    if inspect.isclass(function) or not callable(function):
        raise _refused(key, "is no function", "pass a function, or Action(function)")
    signature: Signature = read_signature(cast("Callable[..., Any]", function))
    for fault in signature.faults:
        raise _refused(key, f"cannot be executed: {fault.message}", fault.hint)
    body = Body(
        key,
        cast("Callable[..., Any]", function),
        output=OUTPUT,
        retry=Retry(retry_on=action.retry_on, give_up_on=action.give_up_on),
        signature=signature,
        what="action",
    )
    if body.transactions and body.is_async:
        raise _refused(key, "is a coroutine, and takes part in a transaction", "def ...: without async")
    for needed in body.resources:
        if needed.required and needed.kind not in resources:
            name = needed.kind.__qualname__
            raise OptionError(
                f"action {key!r} needs a resource that is missing: {name}; pass resources={{{name}: ...}}",
                code="missing_resource",
                details={"option": "resources", "action": key, "missing": [name]},
            )
    return body


def _refused(key: str, problem: str, hint: str) -> OptionError:
    return OptionError(
        f"actions: {key!r} {problem}; {hint}", code="invalid_action", details={"option": "actions", "action": key}
    )
