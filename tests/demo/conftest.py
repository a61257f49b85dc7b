from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from bridge.demo import DEMO_REPOSITORY

# The model's package is importable inside Triton only, where its directory is on the path.
sys.path.insert(0, str(DEMO_REPOSITORY / "demo" / "1"))

from ngram_lm.language import Language

from tests.tritonserver import RunningTriton, start_triton

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def language() -> Language:
    return Language.load()


@pytest.fixture(scope="session")
def demo_triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTriton]:
    with start_triton(tmp_path_factory.mktemp("demo-triton"), "demo", "echo_vllm", "plain") as running:
        yield running
