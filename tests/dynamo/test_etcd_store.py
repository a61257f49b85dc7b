"""Records as keys of a real etcd: under a lease, written again when it is back, gone with the worker."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import pytest

from bridge.dynamo.etcd_store import EtcdStore
from bridge.protocol.dynamo.records import CARDS, INSTANCES, Key
from tests.dynamo.etcd import Etcd, etcd_server
from tests.dynamo.joining import MODELS, asks, client, joined, lists
from tests.eventually import eventually
from tests.openai_bodies import directed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.app import Bridge
    from tests.dynamo.environment import Cluster
    from tests.tritonserver import RunningTriton

KEY, OTHER = Key(INSTANCES, "ns/comp/generate/1f"), Key(CARDS, "ns/comp/generate/1f")


@pytest.fixture(scope="module")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etcd]:
    with etcd_server(tmp_path_factory.mktemp("etcd")) as running:
        yield running


async def test_a_record_is_a_key_under_a_lease(etcd: Etcd) -> None:
    store = EtcdStore([etcd.address])
    assert not await store.beat()
    await store.write(KEY, b"one")
    await store.write(OTHER, b"two")
    assert await store.beat()
    keys = etcd.leases()
    assert keys.keys() == {"v1/instances/ns/comp/generate/1f", "v1/mdc/ns/comp/generate/1f"}
    assert all(keys.values())
    await store.remove(KEY)
    assert etcd.leases().keys() == {"v1/mdc/ns/comp/generate/1f"}
    await store.remove(OTHER)
    assert etcd.leases() == {}
    await store.close()


async def test_a_lease_that_is_lost_is_replaced(etcd: Etcd) -> None:
    store = EtcdStore([etcd.address])
    await store.beat()
    await store.write(KEY, b"one")
    (lease,) = etcd.leases().values()
    etcd.ask("lease/revoke", ID=str(lease))
    assert not await store.beat()
    await store.write(KEY, b"two")
    (another,) = etcd.leases().values()
    assert another not in {0, lease}
    await store.remove(KEY)
    await store.close()


async def test_any_of_several_servers_will_do(etcd: Etcd) -> None:
    store = EtcdStore(["127.0.0.1:1", etcd.address])
    assert not await store.beat()
    assert await store.beat()
    await store.close()


async def test_no_server_at_all_is_an_error() -> None:
    store = EtcdStore(["127.0.0.1:1", "127.0.0.1:2"])
    with pytest.raises(aiohttp.ClientError):
        await store.beat()
    await store.close()


async def test_what_is_no_etcd_is_an_error(bridge: Bridge) -> None:
    store = EtcdStore([f"127.0.0.1:{bridge.http_port}"])
    with pytest.raises(aiohttp.ClientError):
        await store.beat()
    await store.close()


async def test_an_answer_that_etcd_does_not_give_is_an_error() -> None:
    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\n["ID"]')
        writer.close()

    async with await asyncio.start_server(answers, "127.0.0.1", 0) as server:
        store = EtcdStore([f"127.0.0.1:{server.sockets[0].getsockname()[1]}"])
        with pytest.raises(aiohttp.ClientError):
            await store.beat()
        await store.close()


async def test_a_worker_lets_go_of_an_etcd_that_is_away(triton: RunningTriton) -> None:
    async with joined(triton, "etcd://127.0.0.1:1") as worker:
        await eventually(lambda: worker._presence._away)
    session = worker._presence._store._session
    assert session is not None
    assert session.closed


async def test_a_worker_is_found_by_etcd(etcd: Etcd, cluster: Cluster, triton: RunningTriton) -> None:
    where = {"DYN_DISCOVERY_BACKEND": "etcd", "ETCD_ENDPOINTS": f"http://{etcd.address}"}
    frontend = await asyncio.to_thread(cluster.http, **where)
    async with client(frontend) as sdk:
        async with joined(triton, f"etcd://{etcd.address}"):
            await lists(sdk, *MODELS)
            answer = await sdk.chat.completions.create(**asks(directed(text="one two")))
            assert answer.choices[0].message.content == "one two"
        await lists(sdk)


async def test_a_worker_comes_back_with_etcd(etcd: Etcd, triton: RunningTriton) -> None:
    async with joined(triton, f"etcd://{etcd.address}"):
        await eventually(lambda: len(_own(etcd)) == 2 * len(MODELS), 15)
        (before,) = set(_own(etcd).values())
        etcd.kill()
        etcd.start()
        etcd.ask("lease/revoke", ID=str(before))  # as if it had been away for long
        await eventually(lambda: len(_own(etcd)) == 2 * len(MODELS), 15)
        assert before not in _own(etcd).values()
    assert _own(etcd) == {}


def _own(etcd: Etcd) -> dict[str, int]:
    """Return the leases of the bridge's keys; a frontend has some too."""
    return {key: lease for key, lease in etcd.leases().items() if "openai-bridge" in key}
