"""What must hold where steps start children, and where they wait for them."""

from __future__ import annotations

from collections.abc import Mapping

from squidie_core.authoring import FailStep
from squidie_core.errors import NotSupported
from squidie_core.journal.entries import Json
from squidie_core.journal.values import TAG
from squidie_core.ports.storage import Storage


def check_storage_for_children(storage: Storage) -> None:
    """Refuse a store that cannot write a link and a start in one commit. Raises NotSupported."""
    capabilities = storage.capabilities
    if capabilities.max_appends < 2:  # noqa: PLR2004  # the parent's and the child's
        raise NotSupported(
            f"the {capabilities.name} storage takes one append in a commit, and a child and its parent's link are two; "
            "start the run by itself, or use a store that takes both",
            code="children_not_supported",
            details={"storage": capabilities.name, "max_appends": capabilities.max_appends},
        )


def check_room_for_children(result: Mapping[str, Json], output: str | None) -> None:
    """Refuse a result beside which the results of children cannot stand. Raises FailStep."""
    own: Json = result if output is None else result.get(output)
    if own is None:
        return
    if not isinstance(own, dict) or TAG in own or "children" in own:
        raise FailStep(
            "a step with await_children=True returns names without `children`, or nothing: "
            "the results of its children stand beside them under that name",
            code="invalid_step_result",
        )
