"""Whether a file lies on a network file system, whose locks SQLite's write-ahead log cannot rely on."""

from __future__ import annotations

import os
from pathlib import Path

from squidie_core.errors import OptionError

_NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afs", "ceph", "glusterfs", "lustre", "beegfs"}
)
_NETWORK_IN_USER_SPACE = frozenset(
    {"fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.s3fs", "fuse.gcsfuse", "fuse.rclone"}
)
_MOUNTS = Path("/proc/self/mounts")


def check_file_system(path: str) -> None:
    """Raise OptionError for a path on a network file system, where this machine tells."""
    try:
        mounts = _MOUNTS.read_text(errors="surrogateescape")
    except OSError:
        return
    kind = file_system(os.path.realpath(path), mounts)
    if kind in _NETWORK or kind in _NETWORK_IN_USER_SPACE:
        raise OptionError(
            f"url names a file on a network file system ({kind}), where SQLite would lose data; "
            "use a local disk, or PostgreSQL to share runs between machines",
            details={"option": "url", "file_system": kind},
        )


def file_system(path: str, mounts: str) -> str:
    """The type of the file system that holds the absolute path, from the text of /proc/self/mounts."""
    longest, kind = "", ""
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) < 3:  # noqa: PLR2004 -- device, folder, type
            continue
        folder = (
            fields[1].encode("utf-8", "surrogateescape").decode("unicode_escape") if "\\" in fields[1] else fields[1]
        )
        holds = path == folder or path.startswith(folder.rstrip("/") + "/")
        if holds and len(folder) >= len(longest):
            longest, kind = folder, fields[2]
    return kind
