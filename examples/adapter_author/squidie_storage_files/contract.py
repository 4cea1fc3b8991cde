"""What this adapter brings to the contract suite: one harness, and the hook that registers it.

pip install './squidie-storage-files[contract]'
pytest --pyargs squidie_contract.suite --contract-report=report.json
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from squidie_contract import Harness


@pytest.hookimpl
def pytest_squidie_harnesses() -> Sequence[type[Harness]]:
    """Imported here, so that pytest starts quickly for everybody else."""
    from squidie_storage_files.harness import FilesHarness  # noqa: PLC0415  # see above

    return [FilesHarness]
