"""A prompt that came by Dynamo is let go of when its answer begins, as at the other doors."""

from __future__ import annotations

import gc
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from tests.dynamo.joining import asks, in_folder, joined
from tests.dynamo.scripted_frontend import scripted
from tests.eventually import eventually
from tests.openai_bodies import directed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.tritonserver import RunningTriton

LONG = 300_000
"""Characters."""


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()


@pytest.mark.usefixtures("traced")
async def test_no_copy_of_a_prompt_is_kept_while_its_answer_runs(
    triton: RunningTriton, tmp_path: Path
) -> None:
    async with joined(triton, in_folder(tmp_path), triton_transport="native"):
        await eventually(lambda: len(list(tmp_path.glob("v1/*/*echo_vllm*"))) == 2)
        async with scripted(tmp_path) as frontend:
            await (await frontend.ask(asks("x"))).chunks()
            gc.collect()
            before, _ = tracemalloc.get_traced_memory()
            answer = await frontend.ask(asks(directed(words=2, hang_at=1) + " x" * (LONG // 2)))
            while "word0" not in str(answer.frames):
                await answer.frame(len(answer.frames))
            gc.collect()
            now, _ = tracemalloc.get_traced_memory()
            answer.close()
    assert now - before < LONG
