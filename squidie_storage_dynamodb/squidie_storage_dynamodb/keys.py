"""Where things are: keys of items and of index entries. Every key begins with the namespace.

| what | pk | sk |
|---|---|---|
| a run's head, with its last commits; its tombstone | `shop/run/<thread id>` | `head` |
| earlier commits | the same | `commits/<first commit id>/<last revision>/<piece>` |
| checkpoint | the same | `checkpoint` |
| a blob | `shop/blob/<name>` | `blob/<piece>` |
| the schema's record, for all namespaces | `/schema` | `head` |
"""

from __future__ import annotations

from zlib import crc32

SHARDS = 8
"""Into how many parts each queue's and each listing's entries are spread."""

BAND = 10**14
"""The room of one priority in the sort key of the due index: times are below it for three thousand years."""

LAST_PRIORITY = 9

HEAD = "head"
CHECKPOINT = "checkpoint"
SCHEMA_KEY = {"pk": "/schema", "sk": HEAD}

_LONGEST_THREAD_ID = 900  # bytes; an index's sort key holds it with a time and may have 1024
_LONGEST_NAME = 1800  # bytes; a partition key holds a queue or a blob's name with the namespace and may have 2048


def fits(text: str, longest: int = _LONGEST_THREAD_ID) -> bool:
    """Whether the text can be a thread id in a key."""
    try:
        return 0 < len(text.encode()) <= longest
    except UnicodeEncodeError:
        return False


def is_name(text: str) -> bool:
    """Whether the text can be a queue or the name of a blob in a key."""
    return not text or fits(text, _LONGEST_NAME)


def shard(thread_id: str) -> int:
    """Which part of an index the run is in."""
    return crc32(thread_id.encode()) % SHARDS


class Keys:
    """The keys of one namespace."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self._runs = f"{namespace}/run/"

    def run(self, thread_id: str) -> str:
        """The partition of a run."""
        return self._runs + thread_id

    def thread_id(self, pk: str) -> str:
        """Whose partition it is."""
        return pk[len(self._runs) :]

    def head(self, thread_id: str) -> dict[str, str]:
        """The item that says where the run is."""
        return {"pk": self.run(thread_id), "sk": HEAD}

    def checkpoint(self, thread_id: str) -> dict[str, str]:
        """The item of the checkpoint."""
        return {"pk": self.run(thread_id), "sk": CHECKPOINT}

    def blob(self, digest: str, piece: int = 0) -> dict[str, str]:
        """The items of a blob."""
        return {"pk": f"{self.namespace}/blob/{digest}", "sk": f"blob/{piece:03}"}

    def home(self, place: int) -> str:
        """The partition of one part of the listing."""
        return f"{self.namespace}/{place}"

    def due(self, queue: str, place: int) -> str:
        """The partition of one part of a queue."""
        return f"{self.namespace}/{place}/{queue}"

    def forgotten(self, place: int) -> str:
        """The partition, in the due index, of one part of the tombstones."""
        return f"{self.namespace}/{place}"


def segment(origin: int, rev: int, piece: int = 0) -> str:
    """The sort key of the commits up to a revision. `origin` is the id of the run's first commit."""
    return f"commits/{origin:016x}/{rev:012}/{piece:03}"


def segments_from(origin: int, rev: int) -> tuple[str, str]:
    """The first and the last sort key of the segments that hold this revision and later ones."""
    return segment(origin, rev), f"commits/{origin:016x}/~"


def started(started_at: int, thread_id: str) -> str:
    """The sort key of a listing: by start, then by thread id."""
    return f"{started_at:015}/{thread_id}"


def due_base(priority: int) -> int:
    """Where the due times of a priority begin."""
    return priority * BAND


def due_number(priority: int, at: int) -> int:
    """The sort key of the due index: by priority, then by time."""
    return due_base(priority) + min(max(at, 0), BAND - 1)
