"""Finding the application that a worker works for: MODULE:OBJECT."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import TypeGuard, cast

from squidie_core.authoring import Workflow
from squidie_core.errors import OptionError, SquidieError
from squidie_core.runtime import Squidie
from squidie_core.runtime.config import ARGUMENT, Settings


class ApplicationError(SquidieError):
    """The application's own code raised while it was loaded."""

    default_code = "application"


def open_application(settings: Settings) -> Squidie:
    """The Squidie that the setting `app` stands for.

    The object is a Squidie or an AsyncSquidie, whose Squidie beneath is given, or a callable without arguments that
    returns one. It may also be a workflow or several: for these a Squidie is made on the store that the settings name.

    Raises OptionError, ApplicationError for what the application's code raises, and what opening a Squidie raises.
    """
    name = settings.require("app")
    found = _load(settings, name)
    workflows = _workflows(found)
    if workflows is not None:
        with settings.blaming():
            return Squidie(settings.require("url"), workflows=workflows, **settings.opening())
    _refuse_store(settings)
    if callable(found) and not isinstance(found, Squidie):
        found = _run(name, cast("Callable[[], object]", found))
    if isinstance(found, Squidie):
        return found
    beneath = getattr(found, "sync", None)
    if isinstance(beneath, Squidie):
        return beneath
    wanted = "name a Squidie, a callable that returns one, or workflows"
    raise _wrong(settings, f"gives an object of type {type(found).__name__}; {wanted}")


def _load(settings: Settings, name: str) -> object:
    module_name, _, path = name.partition(":")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        found = _run(module_name, lambda: importlib.import_module(module_name))
    except ModuleNotFoundError as error:
        hint = "call this in the directory that has it, or install it"
        raise _wrong(settings, f"names the module {module_name}, and there is no {error.name}; {hint}") from None
    for attribute in path.split("."):
        if not hasattr(found, attribute):
            raise _wrong(settings, f"names {path}, which {module_name} does not have")
        found = cast("object", getattr(found, attribute))
    return found


def _wrong(settings: Settings, problem: str) -> SquidieError:
    return settings.blamed(OptionError(f"app {problem}", details={"option": "app"}))


def _run(name: str, code: Callable[[], object]) -> object:
    """Run the application's code. What it raises becomes an error of one line, and a traceback for those who ask.

    Raises ModuleNotFoundError where it is the named module that is missing, and not one that the application wants.
    """
    try:
        return code()
    except SquidieError:
        raise
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise
        raise _raised(name, error) from error
    except Exception as error:
        raise _raised(name, error) from error


def _raised(name: str, error: Exception) -> ApplicationError:
    place = traceback.extract_tb(error.__traceback__)[-1]
    return ApplicationError(
        f"{name} raised {type(error).__name__}: {error} ({place.filename}:{place.lineno}); "
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
        if setting.name != "app" and setting.origin == ARGUMENT:
            raise OptionError(
                f"--{setting.name} goes with workflows; the application's Squidie brings its own",
                details={"option": setting.name},
            )
