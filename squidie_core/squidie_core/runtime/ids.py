"""Random ids: unique, not secret. One source for the process, made anew in a child after a fork."""

from __future__ import annotations

import os
import random

# Its own, and not the module's: an application may seed that one, and would then repeat the ids of its last start.
_source = random.Random()  # noqa: S311  # nothing is guarded by these
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_source.seed)


def new_commit_id() -> int:
    """A commit's id: 1 to 2**63 - 1."""
    return _source.getrandbits(63) or 1


def new_claim_id() -> str:
    """A claim's id: 16 hexadecimal digits."""
    return f"{_source.getrandbits(64):016x}"


def random_bits(count: int) -> int:
    """So many random bits."""
    return _source.getrandbits(count)


def fraction() -> float:
    """A number from 0 to 1, to spread what would happen all at once."""
    return _source.random()
