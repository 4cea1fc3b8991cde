"""Packages whose names are imported when they are first asked for: each process pays for what it uses."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module


def lazily(package: str, names: Sequence[str], *modules: str) -> Callable[[str], object]:
    """The package's `__getattr__`: finds one of these names in the first of its modules that has it.

    A name that is a module's is that module.
    """

    def get(name: str) -> object:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if name in modules:
            return import_module(f"{package}.{name}")
        for module in modules:
            found = import_module(f"{package}.{module}")
            if hasattr(found, name):
                return vars(sys.modules[package]).setdefault(name, getattr(found, name))
        raise AssertionError(f"no module of {package} has {name}")

    return get
