"""The one pass that refuses a workflow class."""

from __future__ import annotations

from squidie_core.authoring.building import Built, build
from squidie_core.authoring.collecting import Declaration
from squidie_core.errors import DefinitionError


def check(declared: Declaration) -> Built:
    """Build the definition and check everything. Raises DefinitionError with every problem there is."""
    built = build(declared)
    problems = declared.report.sorted()
    if problems:
        raise DefinitionError(declared.workflow.__name__, problems)
    return built
