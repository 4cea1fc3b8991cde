"""Squidie's delivery queue, notifier and due hints in Redis."""

from squidie_leases_redis.leases import RedisLeases, open_leases
from squidie_leases_redis.notifier import RedisNotifier, open_notifier
from squidie_leases_redis.options import DueHintsOptions, RedisNotifierOptions, RedisOptions
from squidie_leases_redis.storage import HintedStorage, hinted

__all__ = [
    "DueHintsOptions",
    "HintedStorage",
    "RedisLeases",
    "RedisNotifier",
    "RedisNotifierOptions",
    "RedisOptions",
    "hinted",
    "open_leases",
    "open_notifier",
]
