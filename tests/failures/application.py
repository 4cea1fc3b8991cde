"""The application that the processes of these tests run."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from squidie_core import Squidie, SquidieError, Worker, Workflow
from squidie_core.plugins import find_opener
from tests.failures.schemas import become
from tests.runtime.trails import Trail


class Refused(Exception):
    """The application does not come up."""


def serve(
    *,
    url: str,
    workflows: str,
    trail: str,
    say: Callable[[str], None],
    starts: str = "",
    build: int = 1,
    migrate: bool = False,
    **options: Any,
) -> None:
    """Work on the store until a signal comes. `workflows` is `module:NAME`, `options` are the worker's.

    `starts` is a workflow of which to start a run first. `build` is the library's; `migrate` brings the schema to it.
    """
    if build > 1:
        become(build)
    if migrate:
        plugin: Any = find_opener("storage", url)
        plugin.migrate(url)
    module, _, name = workflows.partition(":")
    known: tuple[type[Workflow], ...] = getattr(importlib.import_module(module), name)
    resources: Mapping[type, object] = {Trail: Trail(Path(trail))}
    try:
        opened = Squidie(url, workflows=known, resources=resources)
    except SquidieError as error:
        raise Refused(f"{error.code}: {error.message}") from error
    with opened as squidie:
        if starts:
            squidie.start(next(one for one in known if one.__name__ == starts), {})
        say("ready")
        Worker(squidie, **options).run()
    say("stopped")
