"""The application's runs, opened for an operator who need not have its code."""

from __future__ import annotations

import argparse
from collections.abc import Generator
from contextlib import contextmanager

from squidie_core.cli.arguments import settings_of
from squidie_core.plugins import find_opener
from squidie_core.runtime import Squidie


@contextmanager
def opened(args: argparse.Namespace) -> Generator[Squidie]:
    """A Squidie without workflows on the store that the settings name. It makes no store that is not there."""
    settings = settings_of(args)
    with settings.blaming():
        url = settings.require("url")
        migrates = hasattr(find_opener("storage", url), "migrate")
        # What can be migrated can be missing; the option may stand in the URL already.
        create = {"create": False} if migrates and "create=" not in url else {}
        squidie = Squidie(url, **settings.opening(create))
    with squidie:
        yield squidie
