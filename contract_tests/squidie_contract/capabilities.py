"""What an adapter may offer beyond what it must."""

from __future__ import annotations

import enum


class Capability(enum.Flag):
    """Powers that a harness declares. What is not listed here cannot be declined.

    A power that is declared is tested; so is that nobody has one that is not declared.
    """

    NONE = 0
    CRASH_SAFE = enum.auto()
    """What was acknowledged survives `kill -9`, and other processes can open the same world by `Harness.url`."""
    SHARED_RESERVATIONS = enum.auto()
    """A run that one client's `due` has reserved is left out of every client's."""
    EXCLUSIVE_RESERVATIONS = enum.auto()
    """So it is even where they ask at the same moment: no two callers get the same run while a reservation lasts."""
    HOST_TRANSACTIONS = enum.auto()
    """It takes part in transactions of the host's, and lends bodies its own (`squidie_core.ports.HostTransactions`)."""
