"""What hosts that configure logging need: the run that a record is about, and records as JSON.

Squidie logs under `squidie` and installs no handler but a NullHandler. A lost claim is a warning, a step's final
failure an error, once; payloads, outputs and the messages of failures are in no record.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from squidie_core.journal.redaction import scrub
from squidie_core.runtime.running import current_attempt

CONTEXT = ("run_id", "workflow", "step", "attempt")
"""What records are given: the run's id, the names of its workflow and step, and the number of the attempt."""


class RunContext(logging.Filter):
    """Gives every record that passes the attributes `run_id`, `workflow`, `step` and `attempt`; stops none.

    Add it to a handler: `handler.addFilter(RunContext())`. They are those of the step whose body logs, in its thread,
    in its task, and in tasks that it starts, whatever the logger; Squidie's own records keep those that they are about.
    They are `None` where there is no run, so that a format may name them always.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Add what is missing."""
        for name, value in _context().items():
            if not hasattr(record, name):
                setattr(record, name, value)
        return True


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON: `at`, `level`, `logger`, `message`, the context of the run, `error` with traceback.

    What has no value is left out. The user names and passwords of URLs are taken out of messages and tracebacks. The
    context is there with and without `RunContext`, except where a queue moves records to another thread.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": scrub(record.getMessage()),
        }
        here = _context()
        for name in CONTEXT:
            value = getattr(record, name, here[name])
            if value is not None:
                line[name] = value
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        if record.exc_text:
            line["error"] = scrub(record.exc_text)
        return json.dumps(line, default=str)


def _context() -> Mapping[str, Any]:
    attempt = current_attempt.get()
    return dict.fromkeys(CONTEXT) if attempt is None else attempt.about
