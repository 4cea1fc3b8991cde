"""What an engine remembers of attempts that may take only so long."""

from __future__ import annotations

from squidie_core.definition.model import StepDefinition
from squidie_core.memory import MemoryStorage
from squidie_core.runtime.attempts import Attempt
from squidie_core.runtime.catalog import Catalog
from squidie_core.runtime.store import RunStore
from squidie_core.runtime.timeouts import Timeouts
from squidie_core.state import RunnableState

NOW = 1_800_000_000_000


def attempt(number: int, limit: int | None) -> Attempt:
    key = f"r:act:{number}"
    runnable = RunnableState(key, "act", "run", 1, 1, {}, key, NOW, NOW, claimed_at=NOW)
    store = RunStore(MemoryStorage(), Catalog((), {}))
    return Attempt("r", "w", runnable, "c1", StepDefinition(name="act", timeout=limit), None, store)


class TestTimeouts:
    def test_give_what_is_over_once_the_first_first(self) -> None:
        timeouts = Timeouts()
        late, soon, free = attempt(1, 60_000), attempt(2, 10_000), attempt(3, None)
        for each in (late, soon, free):
            timeouts.begin(each, NOW)
        assert soon.overdue_at is not None
        assert timeouts.next_at == soon.overdue_at
        assert timeouts.over(soon.overdue_at - 0.001) == []
        assert timeouts.over(soon.overdue_at) == [soon]
        assert timeouts.over(soon.overdue_at + 1_000) == [late]
        assert timeouts.over(soon.overdue_at + 1_000) == []
        assert free.overdue_at is None

    def test_forget_what_ended_in_time(self) -> None:
        timeouts = Timeouts()
        for number in range(1_000):
            each = attempt(number, 3_600_000)
            timeouts.begin(each, NOW)
            timeouts.end(each)
        assert len(timeouts) < 100
        assert timeouts.next_at is None

    def test_count_from_the_claim(self) -> None:
        timeouts = Timeouts()
        early, now = attempt(1, 10_000), attempt(2, 10_000)
        timeouts.begin(early, NOW + 4_000)
        timeouts.begin(now, NOW)
        assert early.overdue_at is not None
        assert now.overdue_at is not None
        assert 3.9 < now.overdue_at - early.overdue_at < 4.1
