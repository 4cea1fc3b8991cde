"""Finding the application that a worker works for: MODULE:OBJECT."""

from __future__ import annotations

import importlib
import logging
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any, TypeGuard, cast

from squidie_core.authoring import Workflow
from squidie_core.errors import OptionError, SquidieError
from squidie_core.runtime import Squidie
from squidie_core.runtime.config import Settings

_log = logging.getLogger("squidie.cli")


class ApplicationError(SquidieError):
    """The application's own code raised while it was loaded."""

    default_code = "application"


def open_application(settings: Settings) -> Squidie:
    """The Squidie that the setting `app` stands for.

    The object is a Squidie, or a callable without arguments that returns one. It may also be a workflow or several: for
    these a Squidie is made on the store that the settings name.

    Raises OptionError, ApplicationError for what the application's code raises, and what opening a Squidie raises.
    """
    name = settings.require("app")
    with settings.blaming():
        found = _load(name)
        workflows = _workflows(found)
        if workflows is not None:
            return Squidie(settings.require("url"), workflows=workflows, **settings.opening())
        _refuse_store(settings)
        made = found if isinstance(found, Squidie) or not callable(found) else _run(name, cast("_Factory", found))
        if isinstance(made, Squidie):
            return made
        raise OptionError(
            f"app {name} is a {type(made).__name__}; name a Squidie, a callable that returns one, or workflows",
            details={"option": "app"},
        )


_Factory = Callable[[], object]


def _load(name: str) -> object:
    module_name, _, path = name.partition(":")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        found: Any = _run(module_name, lambda: importlib.import_module(module_name))
    except ModuleNotFoundError as error:
        raise OptionError(
            f"app names the module {module_name}, and there is no {error.name}; "
            "call this in the directory that has it, or install it",
            details={"option": "app", "module": module_name},
        ) from None
    for attribute in path.split("."):
        if not hasattr(found, attribute):
            raise OptionError(
                f"app names {name}, and {module_name} has no {path}", details={"option": "app", "module": module_name}
            )
        found = getattr(found, attribute)
    return cast("object", found)


def _run(name: str, code: _Factory) -> object:
    """Run the application's code; what it raises becomes an error in one line, and a traceback for those who ask."""
    try:
        return code()
    except SquidieError:
        raise
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise
        raise _raised(name, error) from error
    except Exception as error:
        raise _raised(name, error) from error


def _raised(name: str, error: Exception) -> ApplicationError:
    _log.debug("the application raised", exc_info=error)
    last = traceback.extract_tb(error.__traceback__)[-1]
    return ApplicationError(
        f"{name} raised {type(error).__name__}: {error} ({last.filename}:{last.lineno}); "
        "--log-level debug shows the traceback",
        details={"app": name, "type": type(error).__name__},
    )


def _workflows(found: object) -> Sequence[type[Workflow]] | None:
    if _is_workflow(found):
        return [found]
    if isinstance(found, list | tuple | set | frozenset):
        members = list(cast("Sequence[object]", found))
        if members and all(_is_workflow(member) for member in members):
            return cast("list[type[Workflow]]", members)
    return None


def _is_workflow(found: object) -> TypeGuard[type[Workflow]]:
    return isinstance(found, type) and issubclass(found, Workflow)


def _refuse_store(settings: Settings) -> None:
    """Raise OptionError where the command line names a store and the application brings its own."""
    for setting in settings:
        if setting.name != "app" and setting.origin == "argument":
            raise OptionError(
                f"--{setting.name} goes with a list of workflows; the application's Squidie brings its own",
                details={"option": setting.name},
            )
