"""Squidie: one object through which an application starts, advances, controls and inspects its runs."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from squidie_core.authoring import Workflow
from squidie_core.errors import OptionError
from squidie_core.plugins import open_plugin, scheme_of
from squidie_core.ports.notifier import Notifier
from squidie_core.ports.storage import Storage
from squidie_core.runtime import options
from squidie_core.runtime.berths import Hosts
from squidie_core.runtime.blocking import warns_in_event_loops
from squidie_core.runtime.care import Care
from squidie_core.runtime.catalog import Catalog
from squidie_core.runtime.commands import Commands
from squidie_core.runtime.executing import Execution
from squidie_core.runtime.store import RunStore
from squidie_core.runtime.telemetry import Telemetry
from squidie_core.runtime.views import Views
from squidie_core.runtime.wakeups import Wakeups

if TYPE_CHECKING:
    from squidie_core.authoring.dynamic import ActionMap
    from squidie_core.ports.instrumentation import Instrumentation
    from squidie_core.runtime.within import TransactionCommands

logging.getLogger("squidie").addHandler(logging.NullHandler())  # what is logged is the host's to show


@warns_in_event_loops(
    "make an AsyncSquidie and `await squidie.{name}(...)`, or call `await asyncio.to_thread(squidie.{name}, ...)`"
)
class Squidie(Commands, Views, Execution, Care):
    """The durable workflow runtime inside an application.

    `storage` is a URL, whose scheme finds the adapter, or a Storage. `workflows` are those whose runs this process may
    start and execute. `resources` are given to bodies that ask for them by type. `queue` is where runs start and where
    this object looks for work unless told otherwise. `namespace` keeps several applications apart in one store.
    `notifier` carries hints to the workers of other processes; one given as a URL gets the namespace, and where its
    scheme is the storage's the `storage_options` too. `instrumentation` is told what happens.
    `actions` are the only bodies that nodes of dynamic work may use, by the keys that those name.

    Safe to use from any thread. Use it as a context manager, or call `close`. Its methods wait for the store: in an
    event loop use AsyncSquidie.
    """

    def __init__(
        self,
        storage: str | Storage,
        /,
        *,
        workflows: Iterable[type[Workflow]] = (),
        queue: str = "default",
        resources: Mapping[type, object] | None = None,
        namespace: str | None = None,
        storage_options: Mapping[str, Any] | None = None,
        notifier: str | Notifier | None = None,
        instrumentation: Instrumentation | None = None,
        actions: ActionMap | None = None,
    ) -> None:
        self.queue = options.name("queue", queue)
        catalog = Catalog(workflows, resources or {}, actions)
        self._owned: list[Storage | Notifier] = []
        self.hosts = Hosts()
        telemetry = Telemetry(instrumentation)
        self.store = RunStore(self._open_storage(storage, namespace, storage_options), catalog, telemetry)
        try:
            catalog.check_storage(self.store.storage)
            self.wakeups = Wakeups(self._open_notifier(notifier, storage, storage_options))
            self.store.wake = self.wakeups.wake
        except BaseException:
            self._close_owned()
            raise

    @classmethod
    def from_env(
        cls,
        *,
        workflows: Iterable[type[Workflow]] = (),
        resources: Mapping[type, object] | None = None,
        storage_options: Mapping[str, Any] | None = None,
        actions: ActionMap | None = None,
    ) -> Self:
        """Open what `SQUIDIE_URL` and its siblings name, or `[tool.squidie]` of the nearest pyproject.toml.

        Raises OptionError where no URL is set or a setting cannot be used; its text says where the setting stands.
        """
        from squidie_core.runtime.config import read_settings  # noqa: PLC0415  # reading files is for those who ask

        settings = read_settings()
        with settings.blaming():
            url = settings.require("url")
            opening = settings.opening(storage_options)
            return cls(url, workflows=workflows, resources=resources, actions=actions, **opening)

    def _open_storage(self, storage: str | Storage, namespace: str | None, given: Mapping[str, Any] | None) -> Storage:
        if not isinstance(storage, str):
            if namespace is not None or given:
                raise OptionError("namespace and storage_options go with a URL; set them on the Storage itself")
            if not hasattr(storage, "commit"):
                raise OptionError(f"storage is a {type(storage).__name__}; pass a URL or a Storage")
            return storage
        chosen = dict(given or {})
        if namespace is not None:
            chosen["namespace"] = options.name("namespace", namespace)
        opened: Storage = open_plugin("storage", storage, chosen)
        self._owned.append(opened)
        return opened

    def _open_notifier(
        self, notifier: str | Notifier | None, storage: str | Storage, storage_options: Mapping[str, Any] | None
    ) -> Notifier | None:
        if not isinstance(notifier, str):
            return notifier
        of_one_kind = isinstance(storage, str) and scheme_of(storage) == scheme_of(notifier)
        chosen = dict((of_one_kind and storage_options) or {})
        chosen["namespace"] = self.store.storage.namespace
        opened: Notifier = open_plugin("notifier", notifier, chosen)
        self._owned.append(opened)
        return opened

    def within(self, transaction: object, /) -> TransactionCommands:
        """The commands, in a transaction that the host has open: they take effect if and when it commits.

        `transaction` is what the storage takes; for PostgreSQL and SQLite an SQLAlchemy Connection or Session, or a
        connection of psycopg or sqlite3, to the database that holds the runs:

            with engine.begin() as connection:
                connection.execute(insert(orders).values(id=order_id))
                squidie.within(connection).start(Fulfil.ordered, Order(order_id))

        The result is for this transaction and one thread. Snapshots tell what will be so after the commit. Nothing is
        tried again: where the run was written by others meanwhile ConflictError is raised, and the transaction can be
        used on unless it is TransactionAborted. Workers are woken after the commit where the handle lets one know: a
        Session does, and a notifier in the same PostgreSQL database always; otherwise they find the work when they
        look the next time. What is done here is not counted in `metrics`.

        Raises NotSupported where the storage takes part in no transactions, OptionError for what is no open transaction
        on its database, SchemaError, TransactionAborted.
        """
        from squidie_core.runtime.within import TransactionCommands  # noqa: PLC0415  # for those who have transactions

        return TransactionCommands(self, transaction)

    def close(self) -> None:
        """Give back what this object opened itself."""
        self.wakeups.close()
        self.store.close()
        self._close_owned()

    def _close_owned(self) -> None:
        for adapter in self._owned:
            adapter.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        names = ", ".join(sorted(self.store.catalog.workflows))
        return f"<Squidie on {self.store.storage.capabilities.name}, queue {self.queue}, workflows: {names or 'none'}>"
