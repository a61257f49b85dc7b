from __future__ import annotations

import sys

import pytest

from bridge.demo import DEMO_REPOSITORY

# The model's package is importable inside Triton only, where its directory is on the path.
sys.path.insert(0, str(DEMO_REPOSITORY / "demo" / "1"))

from ngram_lm.language import Language


@pytest.fixture(scope="session")
def language() -> Language:
    return Language.load()
