"""The shell: everything that has a clock, threads and a store."""

from squidie_core.runtime.facade import Squidie
from squidie_core.runtime.worker import Worker

__all__ = ["Squidie", "Worker"]
