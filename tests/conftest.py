"""What every test shares: one thread, and global random states that no test inherits from another.

Nothing here filters warnings: pyproject.toml turns each into an error, and a test that expects one says so.
"""

import os
import random
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Before NumPy or torch is imported, hence no such import at the top of this file: the order of a sum, and
# with it the last bits, depends on the number of threads.
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

# A shell that puts the tests into the background has them ignore interruptions, which some tests make.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _same_global_randomness() -> Iterator[None]:
    """Seed the global generators, so that a test that uses one does not depend on the order of tests.

    Torch is seeded only where something has imported it: tests of what works without torch stay that way.
    """
    import numpy as np

    random.seed(0)
    np.random.seed(0)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(0)
    yield
    if torch is not None:
        assert torch.get_default_dtype() == torch.float32, "a test left another default dtype behind"


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the repository."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def examples(repository: Path) -> Path:
    """Folder of the example tables."""
    return repository / "examples"
