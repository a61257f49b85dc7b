"""Every fault of a client at every moment of its request: its generation ends, and nothing else notices."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from bridge.config import Limits
from tests.eventually import eventually
from tests.faults.asking import DOORS, begin, bridges_to, serves, unless_crashed
from tests.faults.client_matrix import (
    HEARD,
    STALL,
    TABLE,
    Fault,
    Moment,
    Must,
    Never,
    begins,
    directive,
    do,
)
from tests.faults.clients import client
from tests.faults.fleet import tag
from tests.faults.leaks import Held, all_ended
from tests.grpc_client import words

if TYPE_CHECKING:
    from tests.conftest import Serve
    from tests.faults.clients import Client
    from tests.faults.fleet import Fleet

CELLS = [
    pytest.param(*place, cell, id="-".join((place[0].name, DOORS[place[1]], place[2].name)))
    for place, cell in TABLE.items()
    if isinstance(cell, Must)
]


def test_the_table_has_every_fault_at_every_moment_of_both_doors() -> None:
    assert set(TABLE) == set(product(Fault, DOORS, Moment))
    assert (len(CELLS), len(TABLE) - len(CELLS)) == (38, 2)
    assert all(cell.why for cell in TABLE.values() if isinstance(cell, Never))


@pytest.mark.parametrize(("fault", "door", "moment", "must"), CELLS)
async def test_what_a_client_does_wrong_hurts_nobody_else_and_nothing_is_left(
    three: Fleet, serve: Serve, fault: Fault, door: type[Client], moment: Moment, must: Must
) -> None:
    await unless_crashed(three, 1, lambda fleet: cell(fleet, serve, fault, door, moment, must))


async def cell(
    fleet: Fleet, serve: Serve, fault: Fault, door: type[Client], moment: Moment, must: Must
) -> None:
    mine, told = tag(), directive(fault, moment)
    limits = Limits(header_timeout=STALL, body_timeout=STALL)
    bridges = await bridges_to(serve, fleet.tritons[0].address, stall_timeout=STALL, limits=limits)
    before = Held.now()
    await serves(bridges)
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(client(door, getattr(bridge, f"{DOORS[door]}_port")))
            for bridge in bridges
        ]
        if moment is Moment.REQUEST:
            for one in clients:
                await one.send(begins(fault, one.request({"tag": mine, **told})))
        else:
            await begin(fleet, clients, {"tag": mine, **told}, HEARD.get(moment, ""))
        for one in clients:
            await do(fault, one)
        await expect(fleet, clients, mine, must, words(told["words"]))
    await serves(bridges)
    await before.again(bridges)
    await all_ended(fleet.tritons, mine)


async def expect(fleet: Fleet, clients: list[Client], mine: str, must: Must, whole: str) -> None:
    """Check what comes of it, for the models and for the clients as far as they are there."""
    asked = must.model != "not asked"
    await eventually(lambda: ends(fleet, mine) == [must.model] * len(clients) * asked)
    if must.end is not None:
        for seen in await asyncio.gather(*(one.end() for one in clients)):
            assert (seen.end, seen.finishes) == (must.end, must.model == "done")
            assert_said(seen.text, must.said, whole)
    assert len(fleet.served(mine)) == len(clients) * asked


def ends(fleet: Fleet, mine: str) -> list[Any]:
    """Return how the generations of a tag have ended so far."""
    events = [event["event"] for one in fleet.tritons for event in one.events(mine)]
    return [event for event in events if event != "request"]


def assert_said(text: str, said: str, whole: str) -> None:
    if said == "part":
        assert whole.startswith(text)
        assert 0 < len(text) < len(whole)
    else:
        assert text == (whole if said == "all" else "")
