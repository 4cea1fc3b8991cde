"""What no request should be burdened with: appends that can be refused without asking DynamoDB."""

from __future__ import annotations

from squidie_core.adapters.accepting import fault_of_entries, is_unicode
from squidie_core.errors import EncodingError
from squidie_core.journal.commit import Append
from squidie_storage_dynamodb.keys import fits, is_name

MAX_APPENDS = 80
"""A transaction has at most 100 items; this leaves some for the nudges and for large commits."""


def fault(append: Append) -> Exception | None:
    """Why the store can never take the append, where that can be seen from here."""
    details = {"thread_id": append.thread_id}
    if not fits(append.thread_id):
        return EncodingError("a thread id is a text of 1 to 900 bytes of UTF-8", details=details)
    index = append.index
    if not is_name(index.queue):
        return EncodingError("a queue's name has at most 1,800 bytes of UTF-8", details=details)
    if not is_unicode(index.workflow, index.status, index.version or "", *index.needs, *index.tags):
        return EncodingError("the index row holds text that is not Unicode", details=details)
    return fault_of_entries(append)
