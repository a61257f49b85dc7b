"""Records are written, removed and written again, whatever happens to the place where they are."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from bridge.dynamo import presence
from bridge.dynamo.presence import Presence
from bridge.protocol.dynamo.records import CARDS, INSTANCES, Key
from tests.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

A, B = Key(INSTANCES, "a"), Key(CARDS, "b")


class Shelf:
    """A store in memory that may be away."""

    def __init__(self) -> None:
        self.records: dict[Key, bytes] = {}
        self.said: list[str] = []
        self.away: Exception | None = None
        self.away_after: int | None = None
        self.complete = True
        self.beats = 0
        self.closed = False

    async def beat(self) -> bool:
        self._ask()
        self.beats += 1
        found, self.complete = self.complete, True
        return found

    async def write(self, key: Key, value: bytes) -> None:
        self._ask()
        self.said.append(f"+{key.name}")
        self.records[key] = value

    async def remove(self, key: Key) -> None:
        self._ask()
        self.said.append(f"-{key.name}")
        self.records.pop(key, None)

    async def close(self) -> None:
        self.closed = True

    def _ask(self) -> None:
        if self.away_after is not None:
            self.away_after -= 1
            if self.away_after < 0:
                raise OSError
        if self.away is not None:
            raise self.away


@asynccontextmanager
async def kept(shelf: Shelf) -> AsyncIterator[Presence]:
    """Keep records on a shelf for the length of the block."""
    made = Presence(shelf)
    task = asyncio.create_task(made.keep())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give signs of life more often than in earnest."""
    monkeypatch.setattr(presence, "BEAT", 0.01)
    monkeypatch.setattr(presence, "RETRY", 0.01)
    monkeypatch.setattr(presence, "LEAVE_TIMEOUT", 0.2)


async def test_records_are_written_in_their_order_and_removed_in_the_other() -> None:
    shelf = Shelf()
    async with kept(shelf) as made:
        made.offer({A: b"1", B: b"2"})
        await eventually(lambda: shelf.records == {A: b"1", B: b"2"})
        made.offer({})
        await eventually(lambda: not shelf.records)
    assert shelf.said == ["+a", "+b", "-b", "-a"]


async def test_only_what_has_changed_is_written() -> None:
    shelf = Shelf()
    async with kept(shelf) as made:
        made.offer({A: b"1", B: b"2"})
        await eventually(lambda: len(shelf.said) == 2)
        made.offer({A: b"1", B: b"3"})
        await eventually(lambda: shelf.records[B] == b"3")
        beats = shelf.beats
        await eventually(lambda: shelf.beats > beats + 2)
    assert shelf.said == ["+a", "+b", "+b"]


@pytest.mark.parametrize("why", [OSError(), TimeoutError()], ids=["error", "silence"])
async def test_all_is_written_again_when_the_place_is_back(
    why: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    shelf = Shelf()
    async with kept(shelf) as made:
        made.offer({A: b"1"})
        await eventually(lambda: A in shelf.records)
        shelf.away, shelf.records = why, {}
        await eventually(lambda: "is away" in caplog.text)
        with caplog.at_level("INFO"):
            shelf.away = None
            await eventually(lambda: A in shelf.records)
            await eventually(lambda: "is back" in caplog.text)
    assert caplog.text.count("is away") == 1


async def test_what_is_lost_is_written_again() -> None:
    shelf = Shelf()
    async with kept(shelf) as made:
        made.offer({A: b"1"})
        await eventually(lambda: A in shelf.records)
        shelf.records, shelf.complete = {}, False
        await eventually(lambda: A in shelf.records)


async def test_what_could_not_be_removed_is_removed_later() -> None:
    shelf = Shelf()
    async with kept(shelf) as made:
        made.offer({A: b"1", B: b"2"})
        await eventually(lambda: len(shelf.records) == 2)
        shelf.away = OSError()
        made.offer({A: b"1"})
        await eventually(lambda: made._away)
        shelf.away = None
        await eventually(lambda: shelf.records == {A: b"1"})


async def test_what_was_half_written_is_removed_at_the_end() -> None:
    shelf = Shelf()
    shelf.away_after = 2  # a sign of life and one record
    async with kept(shelf) as made:
        made.offer({A: b"1", B: b"2"})
        await eventually(lambda: made._away)
    shelf.away_after = None
    await made.leave()
    assert shelf.records == {}


async def test_leaving_does_not_wait_for_a_place_that_is_away(caplog: pytest.LogCaptureFixture) -> None:
    shelf = Shelf()
    shelf.away = OSError()
    made = Presence(shelf)
    await made.leave()
    assert "were not removed" in caplog.text
    await made.close()
    assert shelf.closed
