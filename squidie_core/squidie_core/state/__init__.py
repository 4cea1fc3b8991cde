"""The fold: what a run is, made from its entries and from nothing else."""

from squidie_core.state.checkpoint import restore, save, wants_checkpoint
from squidie_core.state.fold import FOLD_VERSION, fold, fold_thread
from squidie_core.state.index import index_row
from squidie_core.state.run import Anomaly, Gate, Receipt, RunnableState, RunState

__all__ = [
    "FOLD_VERSION",
    "Anomaly",
    "Gate",
    "Receipt",
    "RunState",
    "RunnableState",
    "fold",
    "fold_thread",
    "index_row",
    "restore",
    "save",
    "wants_checkpoint",
]
