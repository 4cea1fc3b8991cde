"""The outside world of what is explored: what bodies did there, and by which claims."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any

from host_app.services import Effect, Services
from squidie_core.runtime.running import current_attempt


class Outside(Services):
    """Services in this process that also count how often each claim's body came to them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._effects: dict[str, Effect] = {}
        self.visits: Counter[tuple[str, str]] = Counter()
        """By runnable key and claim id."""

    def once(self, key: str, kind: str, **about: Any) -> bool:
        attempt = current_attempt.get()
        with self._lock:
            if attempt is not None:
                self.visits[attempt.key, attempt.claim_id] += 1
            if key in self._effects:
                return False
            self._effects[key] = Effect(key, kind, about)
            return True

    def effects(self, kind: str | None = None) -> list[Effect]:
        with self._lock:
            return [effect for effect in self._effects.values() if kind in (None, effect.kind)]

    def told(self) -> list[str]:
        """What happened, as texts in order of their own: keys and times left out."""
        return sorted(json.dumps([effect.kind, _plain(effect.about)], sort_keys=True) for effect in self.effects())


def _plain(about: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in about.items() if not name.endswith("_at")}
