"""The contracts that adapters' tests subclass."""

from __future__ import annotations

from squidie_contract.checks.blobs import BlobsClauses
from squidie_contract.checks.checkpoints import CheckpointsClauses
from squidie_contract.checks.clients import ClientsClauses
from squidie_contract.checks.clock import ClockClauses
from squidie_contract.checks.due import DueClauses
from squidie_contract.checks.faults import FaultsClauses
from squidie_contract.checks.index import IndexClauses
from squidie_contract.checks.journal import JournalClauses
from squidie_contract.checks.lease_model import LeaseModelClauses
from squidie_contract.checks.lease_races import LeaseRacesClauses
from squidie_contract.checks.leases import DeliveryClauses
from squidie_contract.checks.listing import ListingClauses
from squidie_contract.checks.model import ModelClauses
from squidie_contract.checks.namespaces import NamespacesClauses
from squidie_contract.checks.notifier import NotifierClauses
from squidie_contract.checks.nudges import NudgesClauses
from squidie_contract.checks.parking import ParkingClauses
from squidie_contract.checks.purging import PurgingClauses
from squidie_contract.checks.quarantine import QuarantineClauses
from squidie_contract.checks.races import RacesClauses
from squidie_contract.checks.reading import ReadingClauses
from squidie_contract.checks.rebuilding import RebuildingClauses
from squidie_contract.checks.resubmitting import ResubmittingClauses
from squidie_contract.checks.runtime import RuntimeClauses
from squidie_contract.checks.soak import SoakClauses
from squidie_contract.checks.transactions import TransactionsClauses
from squidie_contract.checks.values import ValuesClauses


class StorageContract(
    ClientsClauses,
    JournalClauses,
    ResubmittingClauses,
    RacesClauses,
    FaultsClauses,
    ModelClauses,
    SoakClauses,
    ReadingClauses,
    ValuesClauses,
    NamespacesClauses,
    IndexClauses,
    ListingClauses,
    DueClauses,
    ParkingClauses,
    NudgesClauses,
    QuarantineClauses,
    BlobsClauses,
    ClockClauses,
    CheckpointsClauses,
    RebuildingClauses,
    PurgingClauses,
    TransactionsClauses,
):
    """All clauses of a storage: `class TestAcmeStorage(StorageContract): harness = AcmeHarness`."""


class LeaseContract(LeaseModelClauses, LeaseRacesClauses, DeliveryClauses):
    """All clauses of a lease backend."""


class NotifierContract(NotifierClauses):
    """All clauses of a notifier."""


class RuntimeContract(RuntimeClauses):
    """The runtime's acceptance on a storage; with `beside`, another harness's hints and leases are used too."""
