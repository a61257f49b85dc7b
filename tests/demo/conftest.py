from __future__ import annotations

import sys

import pytest

from bridge.demo import DEMO_REPOSITORY

# The models' packages are importable inside Triton only, where their directories are on the path.
sys.path.insert(0, str(DEMO_REPOSITORY / "demo" / "1"))
sys.path.insert(0, str(DEMO_REPOSITORY / "demo-tools" / "1"))

from ngram_lm.language import Language


@pytest.fixture(scope="session")
def language() -> Language:
    return Language.load()
