"""The rules that every definition obeys, whoever wrote it: a class, or a document at run time."""

from __future__ import annotations

from collections import Counter
from typing import get_args

from squidie_core.definition.cron import parse_cron
from squidie_core.definition.findings import Findings, Sources, did_you_mean
from squidie_core.definition.model import Definition, Drift, Overlap, TriggerDefinition
from squidie_core.definition.paths import Knowledge, check_paths
from squidie_core.definition.step_rules import NAME, NAME_RULE, RESERVED, check_step
from squidie_core.definition.transition_rules import check_graph
from squidie_core.errors import Problem

_DRIFTS = get_args(Drift)
_OVERLAPS = get_args(Overlap)

NOTHING_KNOWN = Knowledge()
NO_SOURCES = Sources()


def validate(
    definition: Definition,
    sources: Sources = NO_SOURCES,
    *,
    known: Knowledge = NOTHING_KNOWN,
    complete: bool = True,
) -> list[Problem]:
    """All problems of a definition, one per cause, in the order of its parts.

    `known` is what the definition does not say of payloads and results; paths into what is not known are not flagged.
    `complete=False` leaves out what only a workflow that runs must have.
    """
    found = Findings(sources.label or definition.name, sources)
    if complete:
        _check_identity(found, definition)
    _check_triggers(found, definition, complete=complete)
    _check_steps(found, definition, complete=complete)
    known_names = check_graph(found, definition, complete=complete)
    if complete and known_names and definition.triggers:
        check_paths(found, definition, known)
    return found.problems


def _check_identity(found: Findings, definition: Definition) -> None:
    if not NAME.match(definition.name):
        found.whole("invalid_workflow_name", f"a workflow's name is {NAME_RULE}", 'name="ring-errand"')
    if definition.version is not None and not definition.version.strip():
        found.whole("invalid_definition_version", "version= is empty", 'version="1"')
    if definition.queue is not None and not NAME.match(definition.queue):
        found.whole("invalid_queue", f"a queue's name is {NAME_RULE}", 'queue="default"')
    if definition.on_drift not in _DRIFTS:
        found.whole("invalid_on_drift", f"on_drift= is {' or '.join(_DRIFTS)}", 'on_drift="continue"')


def _check_triggers(found: Findings, definition: Definition, *, complete: bool) -> None:
    if complete and not definition.triggers:
        message = "nothing says how it is started"
        found.whole("missing_triggers", message, "start = trigger.manual()")
    for name, count in Counter(trigger.name for trigger in definition.triggers).items():
        if count > 1:
            found.trigger(name, "duplicate_trigger_name", f"{count} triggers are called {name!r}")
    types: dict[str, tuple[str, str]] = {}
    for trigger in definition.triggers:
        if not NAME.match(trigger.name):
            hint = f"{trigger.name.strip('_')} = trigger.{trigger.kind}(...)"
            found.trigger(trigger.name, "invalid_trigger_name", f"a trigger's name is {NAME_RULE}", hint)
        _check_payload(found, trigger, types)
        if trigger.kind == "cron":
            _check_cron(found, trigger)


def _check_payload(found: Findings, trigger: TriggerDefinition, types: dict[str, tuple[str, str]]) -> None:
    """`types` collects each field's type and the trigger that it was seen in first."""
    for item in trigger.payload:
        if item.name in RESERVED:
            message = f"its field {item.name!r} has a name that is Squidie's own in the context"
            found.trigger(trigger.name, "reserved_name", message, f"rename the field: order_{item.name}")
        kind, first = types.setdefault(item.name, (item.type, trigger.name))
        if kind != item.type:
            message = f"its field {item.name!r} is {item.type}, in trigger {first!r} it is {kind}"
            found.trigger(
                trigger.name, "conflicting_payload_field", message, "give the field one type, or another name"
            )


def _check_cron(found: Findings, trigger: TriggerDefinition) -> None:
    try:
        parse_cron(trigger.expression or "")
    except ValueError as error:
        code = "invalid_cron_expression"
        found.trigger(trigger.name, code, f"{trigger.expression!r}: {error}", 'trigger.cron("0 21 * * *")')
    if not _is_timezone(trigger.timezone):
        known = _timezones()
        hint = did_you_mean(str(trigger.timezone), known, 'timezone="UTC"')
        if not known:  # as in slim containers and on Windows
            hint = "this machine has no time zone data: pip install tzdata"
        found.trigger(trigger.name, "invalid_cron_timezone", f"{trigger.timezone!r} is no known time zone", hint)
    if trigger.idempotency is not None and trigger.idempotency not in _OVERLAPS:
        message = f"idempotency= is {' or '.join(_OVERLAPS)}"
        found.trigger(trigger.name, "invalid_cron_idempotency", message, 'idempotency="return_existing_run"')


def _is_timezone(name: str | None) -> bool:
    if name == "UTC":  # also where no time zone data is installed
        return True
    from zoneinfo import ZoneInfo  # noqa: PLC0415  # few workflows need it, and it takes a while to import

    try:
        ZoneInfo(name or "")
    except (LookupError, ValueError, OSError):
        return False
    return True


def _timezones() -> set[str]:
    from zoneinfo import available_timezones  # noqa: PLC0415  # as above

    return available_timezones()


def _check_steps(found: Findings, definition: Definition, *, complete: bool) -> None:
    if complete and not definition.steps:
        found.whole("missing_steps", "it has no steps", "pack = step(pack_provisions)")
    for name, count in Counter(step.name for step in definition.steps).items():
        if count > 1:
            message = f"{count} steps are called {name!r}"
            found.step(name, "duplicate_step_name", message, "give one of them another name")
    for step in definition.steps:
        check_step(found, step)
