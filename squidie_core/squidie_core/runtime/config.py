"""Settings of the process: from the caller, then from the environment, then from the nearest pyproject.toml."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field
from pathlib import Path
from typing import Any, TypedDict, cast

from squidie_core.dataclass import record
from squidie_core.errors import OptionError, PluginError, near
from squidie_core.runtime import options

ARGUMENT = "argument"
DEFAULT = "default"
MASK = "***"

_QUERY_SECRET = re.compile(r"([?&;][^=&;]*(?:pass|secret|token|key|cred|auth|sig)[^=&;]*=)[^&]*", re.IGNORECASE)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")


def masked(url: str) -> str:
    """The URL without its passwords. What is no URL is hidden whole; where in doubt, too much is hidden."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return MASK
    rest = _QUERY_SECRET.sub(rf"\g<1>{MASK}", rest)
    login, at, place = rest.rpartition("@")
    user, colon, _ = login.partition(":")
    return f"{scheme}://{user}:{MASK}@{place}" if colon else f"{scheme}://{login}{at}{place}"


def masked_text(text: str) -> str:
    """The text, its URLs without their passwords."""
    return _URL.sub(lambda found: masked(found[0]), text)


def _url(name: str, value: str) -> str:
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", value):
        return value
    raise options.refuse(name, "is no URL", "write scheme://..., such as sqlite:///runs.db")


def _application(name: str, value: str) -> str:
    module, colon, attribute = value.partition(":")
    if colon and all(part.isidentifier() for part in (*module.split("."), *attribute.split("."))):
        return value
    raise options.refuse(name, "is not of the form MODULE:OBJECT", "write it as in shop.workflows:squidie")


_CHECKS: Mapping[str, Callable[[str, str], str]] = {
    "url": _url,
    "notifier": _url,
    "queue": options.name,
    "namespace": options.name,
    "schema": options.text,
    "app": _application,
}
_URLS = frozenset({"url", "notifier"})
_PORTS: Mapping[object, str] = {"storage": "url", "notifier": "notifier"}
_DEFAULTS = {"queue": "default"}


@record(frozen=True, slots=True)
class Setting:
    """One setting and where it comes from: `argument`, `default`, or the words for a variable or a file.

    A setting that nobody made has neither value nor origin.
    """

    name: str
    value: str | None = field(repr=False)
    origin: str | None

    @property
    def shown(self) -> str | None:
        """The value as anybody may see it."""
        return self.value if self.value is None or self.name not in _URLS else masked(self.value)


class Opening(TypedDict):
    """The keywords of `Squidie(...)` that settings provide."""

    queue: str
    namespace: str | None
    notifier: str | None
    storage_options: Mapping[str, Any]


class Settings:
    """All settings by name; made by `read_settings`."""

    def __init__(self, settings: Mapping[str, Setting]) -> None:
        self._settings = settings

    def __getitem__(self, name: str) -> str | None:
        return self._settings[name].value

    def __iter__(self) -> Iterator[Setting]:
        return iter(self._settings.values())

    def __repr__(self) -> str:
        made = ", ".join(f"{s.name}={s.shown} from {s.origin}" for s in self if s.value is not None)
        return f"<Settings {made}>"

    def require(self, name: str) -> str:
        """The value. Raises OptionError where nobody made the setting."""
        value = self[name]
        if value is None:
            hint = f"set {_variable(name)}, {name} in [tool.squidie] of pyproject.toml, or pass it"
            raise options.refuse(name, "is not set", hint, code="missing_setting")
        return value

    def opening(self, storage_options: Mapping[str, Any] | None = None) -> Opening:
        """The keywords for `Squidie(...)`, beside the URL; `storage_options` go before the settings."""
        schema = self["schema"]
        return Opening(
            queue=self.require("queue"),
            namespace=self["namespace"],
            notifier=self["notifier"],
            storage_options={**({} if schema is None else {"schema": schema}), **(storage_options or {})},
        )

    @contextmanager
    def blaming(self) -> Generator[None]:
        """Let an OptionError or PluginError about a setting say where the setting comes from."""
        try:
            yield
        except (OptionError, PluginError) as error:
            raise self.blamed(error) from None

    def blamed(self, error: OptionError | PluginError) -> OptionError | PluginError:
        """The error, with the origin of the setting that it is about."""
        name = error.details.get("option") or _PORTS.get(error.details.get("port"))
        setting = self._settings.get(str(name))
        if setting is None or setting.origin in (None, ARGUMENT, DEFAULT) or "origin" in error.details:
            return error
        return type(error)(
            f"{error.message} ({setting.name} comes from {setting.origin})",
            code=error.code,
            details={**error.details, "origin": setting.origin},
        )


def read_settings(
    given: Mapping[str, str | None] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Settings:
    """The settings: for each name the first of `given`, `SQUIDIE_<NAME>` in the environment, `[tool.squidie]`.

    The file is the first pyproject.toml in `directory` (the current one by default) or above it. `None` in `given` and
    an empty variable mean that nothing is said there. Raises OptionError for a value that cannot be used, with its
    origin and never the value.
    """
    environ = os.environ if environ is None else environ
    told = given or {}
    file, table = _from_pyproject(directory or Path.cwd())
    settings: dict[str, Setting] = {}
    for name in _CHECKS:
        variable = _variable(name)
        if told.get(name) is not None:
            settings[name] = Setting(name, told[name], ARGUMENT)
        elif environ.get(variable):
            settings[name] = Setting(name, environ[variable], f"{variable} in the environment")
        elif name in table:
            settings[name] = Setting(name, table[name], f"[tool.squidie] in {file}")
        else:
            settings[name] = Setting(name, _DEFAULTS.get(name), DEFAULT if name in _DEFAULTS else None)
    found = Settings(settings)
    with found.blaming():
        for name, check in _CHECKS.items():
            value = found[name]
            if value is not None:
                check(name, value)
    return found


def _variable(name: str) -> str:
    return f"SQUIDIE_{name.upper()}"


def _from_pyproject(directory: Path) -> tuple[Path | None, Mapping[str, str]]:
    """The nearest pyproject.toml, and what it says to Squidie."""
    folders = (directory, *directory.parents)
    file = next((folder / "pyproject.toml" for folder in folders if (folder / "pyproject.toml").is_file()), None)
    if file is None:
        return None, {}
    try:
        table: object = tomllib.loads(file.read_text("utf-8")).get("tool", {}).get("squidie", {})
    except (OSError, ValueError, AttributeError) as error:
        place = re.search(r" \(at [^()]*\)$", str(error))
        problem = f"{type(error).__name__}{place[0] if place else ''}"
        raise OptionError(f"{file} cannot be read: {problem}", details={"file": str(file)}) from None
    if not isinstance(table, Mapping):
        raise OptionError(f"[tool.squidie] in {file} is not a table", details={"file": str(file)})
    said = cast("Mapping[str, object]", table)
    return file, {name: _checked(name, value, file) for name, value in said.items()}


def _checked(name: str, value: object, file: Path) -> str:
    details = {"option": name, "origin": f"[tool.squidie] in {file}"}
    if name not in _CHECKS:
        meant = near(name, _CHECKS)
        hint = f"did you mean {meant}?" if meant else f"there are {', '.join(_CHECKS)}"
        raise OptionError(f"{name} in [tool.squidie] of {file} is no setting; {hint}", details=details)
    if not isinstance(value, str):
        raise OptionError(f"{name} in [tool.squidie] of {file} is not a string", details=details)
    return value
