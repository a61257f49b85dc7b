"""The entrance: who is let in, and when nobody is inside any more."""

from __future__ import annotations

import asyncio

import pytest

from bridge.access.entrance import Entrance
from bridge.access.keys import ANYONE, Key, KeyRing, digest
from bridge.errors import BridgeError, Reason
from tests.key_files import secret

BOB = Key(name="bob", sha256=digest(secret("bob")))
SHOWN = [f"Bearer {secret('bob')}"]


@pytest.mark.parametrize("values", [[], SHOWN, ["nonsense"], ["a", "b"]])
def test_without_keys_everybody_is_let_in(values: list[object]) -> None:
    assert Entrance(None, lambda: 0.0).admit(values) is ANYONE


def test_with_keys_only_a_key_is() -> None:
    entrance = Entrance(KeyRing([BOB]), lambda: 0.0)
    assert entrance.admit(SHOWN) is BOB
    for values in ([], ["nonsense"], [*SHOWN, *SHOWN]):
        with pytest.raises(BridgeError) as caught:
            entrance.admit(values)
        assert caught.value.reason is Reason.INVALID_API_KEY


def test_other_keys_hold_from_one_request_to_the_next() -> None:
    entrance = Entrance(KeyRing([]), lambda: 0.0)
    with pytest.raises(BridgeError):
        entrance.admit(SHOWN)
    entrance.ring = KeyRing([BOB])
    assert entrance.admit(SHOWN) is BOB


@pytest.mark.parametrize("ring", [None, KeyRing([BOB])])
def test_when_it_is_closed_nobody_is_let_in_and_keys_are_still_known(ring: KeyRing | None) -> None:
    entrance = Entrance(ring, lambda: 0.0)
    entrance.close()
    with pytest.raises(BridgeError) as caught:
        entrance.admit(SHOWN)
    assert caught.value.reason is Reason.SHUTTING_DOWN
    assert entrance.key(SHOWN) is (BOB if ring else ANYONE)


async def test_it_is_empty_when_the_last_one_has_left() -> None:
    entrance = Entrance(None, lambda: 0.0)
    await asyncio.wait_for(entrance.emptied(), 1)
    entrance.enter()
    entrance.enter()
    waiting = asyncio.create_task(entrance.emptied())
    entrance.leave()
    await asyncio.sleep(0)
    assert not waiting.done()
    entrance.leave()
    await asyncio.wait_for(waiting, 1)
