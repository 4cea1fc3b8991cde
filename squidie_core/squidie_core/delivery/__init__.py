"""The delivery boundary: what a host's scheduler hands to a queue, and what its workers do with it."""

from squidie_core.delivery.payloads import Payload
from squidie_core.delivery.runner import Performed, Runner
from squidie_core.delivery.worker import DeliveryWorker

__all__ = ["DeliveryWorker", "Payload", "Performed", "Runner"]
