"""Several streams as one: order, the first failure, closing, back-pressure."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from bridge.handlers.merge import Ended, merge
from tests.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

WAIT = 5.0


class Source:
    """A stream that tells how far it was read and whether it was closed."""

    def __init__(self, *items: str, fails: Exception | None = None, hangs: bool = False) -> None:
        self._items = items
        self._fails = fails
        self._hangs = hangs
        self.given = 0
        self.closed = False

    async def stream(self) -> AsyncGenerator[str, None]:
        try:
            for item in self._items:
                self.given += 1
                yield item
            if self._fails is not None:
                raise self._fails
            if self._hangs:
                await asyncio.Event().wait()
        finally:
            self.closed = True


async def collect(*sources: Source, into: list[tuple[int, str]] | None = None) -> list[tuple[int, str]]:
    """Read the merged stream to its end; the end of a source is ``"."``."""
    said = [] if into is None else into
    async with asyncio.timeout(WAIT), aclosing(merge([source.stream() for source in sources])) as merged:
        async for at, item in merged:
            said.append((at, "." if isinstance(item, Ended) else item))
    return said


async def test_every_item_comes_with_the_position_of_its_stream_and_in_its_order() -> None:
    said = await collect(Source("a", "b", "c"), Source(), Source("x", "y"))

    assert [item for at, item in said if at == 0] == ["a", "b", "c", "."]
    assert [item for at, item in said if at == 1] == ["."]
    assert [item for at, item in said if at == 2] == ["x", "y", "."]


async def test_a_stream_does_not_wait_for_the_others() -> None:
    silent = Source(hangs=True)
    speaking = Source("a")
    async with asyncio.timeout(WAIT), aclosing(merge([silent.stream(), speaking.stream()])) as merged:
        assert await anext(merged) == (1, "a")
        at, item = await anext(merged)
        assert at == 1
        assert isinstance(item, Ended)


async def test_the_first_failure_ends_all_and_keeps_what_came_before() -> None:
    failing, other = Source("a", fails=ValueError("boom")), Source("x", hangs=True)
    before: list[tuple[int, str]] = []
    with pytest.raises(ValueError, match="boom"):
        await collect(failing, other, into=before)

    assert (0, "a") in before
    assert failing.closed
    assert other.closed


async def test_closing_early_closes_all_streams_before_it_returns() -> None:
    sources = [Source("a", "b", hangs=True), Source(hangs=True), Source("x")]
    merged = merge([source.stream() for source in sources])
    await anext(merged)
    await merged.aclose()

    assert all(source.closed for source in sources if source.given)
    assert len(asyncio.all_tasks()) == 1


async def test_cancelling_the_reader_closes_all_streams() -> None:
    sources = [Source("a", hangs=True), Source("x", hangs=True)]
    reading = asyncio.create_task(collect(*sources))
    await eventually(lambda: all(source.given for source in sources))
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading

    assert all(source.closed for source in sources)


async def test_streams_wait_for_a_slow_reader() -> None:
    sources = [Source(*map(str, range(1000))) for _ in range(3)]
    async with aclosing(merge([source.stream() for source in sources])) as merged:
        await anext(merged)
        for _ in range(50):
            await asyncio.sleep(0)

        assert [source.given for source in sources] == [1, 1, 1]


async def test_no_stream_is_left_behind_by_a_busy_one() -> None:
    busy, quiet = Source(*map(str, range(1000))), Source("x")
    said = await collect(busy, quiet)

    assert said.index((1, "x")) == 1
