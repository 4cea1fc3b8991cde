"""What keeps a store well: examining it, forgetting what is long over, mending what was damaged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from squidie_core.authoring import Duration
from squidie_core.runtime import options
from squidie_core.runtime.client import Client, RunRef, id_of
from squidie_core.runtime.purging import Purge, purge

if TYPE_CHECKING:
    from squidie_core.runtime.doctor import Diagnosis


class Care(Client):
    """The operators' part. Safe to use from any thread."""

    def doctor(self, *, stuck_after: Duration = 300, sample: int = 100) -> Diagnosis:
        """Examine the store and the runs in it, and change nothing; `squidie doctor` prints this.

        A run is stuck that has been due for `stuck_after` and that nobody took. Of about `sample` runs the journals are
        read whole, and the index is compared with them.
        """
        from squidie_core.runtime.doctor import examine  # noqa: PLC0415  # for the few who ask

        return examine(
            self.store.storage,
            self.wakeups.notifier,
            stuck_after=options.milliseconds("stuck_after", stuck_after),
            sample=options.integer("sample", sample, least=0, most=1_000_000),
        )

    def purge(
        self,
        *,
        before: datetime | Duration,
        statuses: Iterable[str] = options.ENDED,
        remember_for: Duration = timedelta(days=90),
        limit: int | None = None,
        dry_run: bool = False,
    ) -> Purge:
        """Forget runs that ended before that moment, or so long ago, with one of these statuses; says how many.

        A run goes whole: journal, checkpoint and listing. For `remember_for` starting it again, by its key or id, does
        not run it twice but raises PurgedError, which tells how it ended; later the id is free. Runs that are not over
        stay, as do quarantined ones and those that another run may await.

        Goes in small transactions while everything goes on, `limit` runs at most; what it took is gone also where a
        later one fails. `dry_run` only counts. Raises OptionError, StorageError.
        """
        now = self.store.clock.now()
        return purge(
            self.store.storage,
            before=options.earlier("before", before, now),
            statuses=options.ended_statuses(statuses),
            remember_until=now + options.milliseconds("remember_for", remember_for),
            limit=None if limit is None else options.integer("limit", limit, least=1, most=2**31),
            dry_run=dry_run,
        )

    def unquarantine(self, run: RunRef, /) -> bool:
        """Let a run that was taken out of its queue take part again; says whether it was out.

        A run is quarantined when its journal could not be read twice. Repair it first, or it is quarantined again.
        Raises NotFoundError, OptionError.
        """
        return self.store.storage.unquarantine(id_of(run))

    def rebuild_index(self) -> Mapping[str, str]:
        """Derive the index of every run anew from its journal, while everything goes on.

        Returns why, for each run whose journal cannot be read. Reservations and quarantine stay. Takes time in
        proportion to all journals.
        """
        failed: dict[str, str] = {}
        after: str | None = None
        while True:
            page = self.store.storage.rebuild_index(self.store.derive_index, after=after)
            failed.update(page.failed)
            if page.next_after is None:
                return failed
            after = page.next_after
