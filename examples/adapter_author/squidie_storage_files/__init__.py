"""Squidie's journals in a directory of files."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from squidie_storage_files.storage import FilesStorage, open_storage

__all__ = ["FilesStorage", "open_storage"]


def __getattr__(name: str) -> object:
    """Import on demand: pytest loads this package for its harness, and must stay quick."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.storage"), name)
    return value
