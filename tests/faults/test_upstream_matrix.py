"""Every fault of Triton at every moment of a request: what both doors' clients see, over either transport."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from tests.eventually import eventually
from tests.faults.asking import DOORS, begin, bridges_to, clients_of, serves, unless_crashed
from tests.faults.fleet import MODEL, tag
from tests.faults.leaks import Held, all_ended
from tests.faults.upstream_matrix import (
    HEARD,
    KILLING,
    LIMIT,
    SILENT,
    TABLE,
    Fault,
    Moment,
    Must,
    Never,
    Scene,
    check,
    directive,
)
from tests.grpc_client import words
from tests.scripted_triton import config, data, error, scripted_triton, sends
from tests.tcp_proxy import tcp_proxy

if TYPE_CHECKING:
    from tests.conftest import Serve
    from tests.faults.clients import Client
    from tests.faults.fleet import Fleet
    from tests.faults.seen import Seen


def cells(*moments: Moment) -> list[Any]:
    """Return the cells of some columns that can be run."""
    return [
        pytest.param(fault, moment, cell, id=f"{fault.name}-{moment.name}")
        for (fault, moment), cell in TABLE.items()
        if moment in moments and isinstance(cell, Must)
    ]


def test_the_table_has_every_fault_at_every_moment() -> None:
    assert set(TABLE) == set(product(Fault, Moment))
    run = len(cells(*Moment))
    assert (run, len(TABLE) - run) == (41, 4)
    assert all(cell.why for cell in TABLE.values() if isinstance(cell, Never))


@pytest.mark.parametrize(
    ("fault", "moment", "must"), cells(Moment.CONNECTING, Moment.FIRST, Moment.STREAM, Moment.LAST)
)
async def test_the_client_sees_what_the_table_says_and_nothing_is_left(
    three: Fleet, serve: Serve, fault: Fault, moment: Moment, must: Must
) -> None:
    killed = int(fault in KILLING)
    await unless_crashed(three, 2, lambda fleet: cell(fleet, serve, fault, moment, must), killed=killed)


async def cell(fleet: Fleet, serve: Serve, fault: Fault, moment: Moment, must: Must) -> None:
    mine, told = tag(), directive(fault, moment)
    async with tcp_proxy(fleet.tritons[0].address) as proxy:
        scene = Scene(fleet, proxy)
        bridges = await bridges_to(serve, proxy.address, **limits(fault))
        before = Held.now()
        await serves(bridges)
        async with AsyncExitStack() as stack:
            clients = await clients_of(bridges, stack)
            if moment is not Moment.CONNECTING:
                await begin(fleet, clients, {"tag": mine, **told}, HEARD.get(moment, ""))
            with scene.faults[fault]():
                if moment is Moment.CONNECTING:
                    proxy.cut()
                    await asyncio.gather(*(one.ask({"tag": mine, **told}) for one in clients))
                seen = await asyncio.gather(*(one.end() for one in clients))
        expect(clients, seen, must, words(told.get("words", 3)))
        await serves(bridges)
        await before.again(bridges)
        await all_ended([one for one in fleet.tritons if one.server.running], mine)


@pytest.mark.parametrize(("fault", "moment", "must"), cells(Moment.TRAILERS))
async def test_what_happens_after_the_final_response_spoils_nothing(
    serve: Serve, fault: Fault, moment: Moment, must: Must
) -> None:
    said = [data("word0 "), data("word1 "), data("word2 ", final=True)]
    late = [error("too late", final=True)] if fault is Fault.ERROR else []
    async with scripted_triton(None, config(MODEL)) as peer, tcp_proxy(peer.address) as proxy:
        peer.script = sends(*said)
        bridges = await bridges_to(serve, proxy.address, **limits(fault))
        before = Held.now()
        await serves(bridges)
        peer.script = sends(*said, *late, hangs=True)
        async with AsyncExitStack() as stack:
            clients = await clients_of(bridges, stack)
            await asyncio.gather(*(one.ask({}) for one in clients))
            await asyncio.gather(*(one.hears("word2 ") for one in clients))
            with Scene(None, proxy).faults[fault]():  # type: ignore[arg-type] - no process is touched
                seen = await asyncio.gather(*(one.end() for one in clients))
        expect(clients, seen, must, words(3))
        peer.script = sends(*said)
        await serves(bridges)
        await before.again(bridges)
        await eventually(lambda: all(call.ended or call.cancelled.is_set() for call in peer.calls))


def limits(fault: Fault) -> dict[str, float]:
    return {"first_token_timeout": LIMIT, "token_timeout": LIMIT} if fault in SILENT else {}


def expect(clients: list[Client], seen: list[Seen], must: Must, whole: str) -> None:
    for one, what in zip(clients, seen, strict=True):
        check(what, getattr(must, DOORS[type(one)]), must, whole)
