"""A real Triton that asks for certificates and secrets: both transports give them, or say that it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bridge.config import ConfigError, TritonTls
from tests.certificates import Authority, Pair
from tests.doors import WAYS, tell
from tests.openai_bodies import chat, directed
from tests.raw_http import ask
from tests.tritonserver import RunningTriton, start_triton

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bridge.app import Bridge
    from tests.conftest import Serve

HEADERS = {"triton-grpc-protocol-group-key": "sesame"}
GROUPS = "health,metadata,inference,model-config,model-repository"
TRANSPORTS = pytest.mark.parametrize("transport", ["native", "grpcio"])


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "authority")


@pytest.fixture(scope="module")
def client(authority: Authority) -> Pair:
    return authority.issue("bridge")


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[RunningTriton]:
    """Start a Triton that wants a certificate and a secret; its own is not for its address."""
    pair = authority.issue("triton", names="DNS:triton.internal")
    arguments = (
        "--grpc-use-ssl-mutual=true",
        f"--grpc-server-cert={pair.certificate}",
        f"--grpc-server-key={pair.key}",
        f"--grpc-root-cert={authority.certificate}",
        f"--grpc-restricted-protocol={GROUPS}:group-key=sesame",
    )
    with start_triton(
        tmp_path_factory.mktemp("strict"), "plain", extra_args=arguments, lasting=True
    ) as running:
        yield running


async def served(
    serve: Serve,
    strict: RunningTriton,
    authority: Authority,
    client: Pair | None,
    transport: str,
    headers: dict[str, str] | None = None,
    **tls: Any,
) -> Bridge:
    shown = {"certificate": client.certificate, "key": client.key} if client else {}
    files = {"ca": authority.certificate, "server_name": "triton.internal", **shown, **tls}
    return await serve(
        triton=strict.address,
        triton_transport=transport,
        triton_tls=TritonTls(**files),
        triton_header_values=HEADERS if headers is None else headers,
    )


@TRANSPORTS
async def test_with_certificate_and_secret_everything_works(
    serve: Serve, strict: RunningTriton, authority: Authority, client: Pair, transport: str
) -> None:
    bridge = await served(serve, strict, authority, client, transport)
    assert (await ask(bridge.http_port, "GET", "/v1/health/ready")).status == 200
    listed = (await ask(bridge.http_port, "GET", "/v1/models")).json["data"]
    assert [model["id"] for model in listed] == ["plain"]
    for way in WAYS:
        assert (await tell(bridge, way, chat(directed(text="safe"), model="plain"))).texts == ["safe"]


async def not_ready(bridge: Bridge) -> str:
    answer = await ask(bridge.http_port, "GET", "/v1/health/ready")
    assert answer.status == 503
    message: str = answer.error["message"]
    return message


@TRANSPORTS
async def test_without_a_certificate_triton_cannot_be_reached(
    serve: Serve, strict: RunningTriton, authority: Authority, transport: str
) -> None:
    bridge = await served(serve, strict, authority, None, transport)
    assert "cannot be reached" in await not_ready(bridge)


@TRANSPORTS
async def test_a_triton_of_another_name_is_not_trusted(
    serve: Serve, strict: RunningTriton, authority: Authority, client: Pair, transport: str
) -> None:
    bridge = await served(serve, strict, authority, client, transport, server_name=None)
    assert "cannot be reached" in await not_ready(bridge)


@TRANSPORTS
async def test_a_triton_of_other_roots_is_not_trusted(
    serve: Serve, strict: RunningTriton, authority: Authority, client: Pair, transport: str, tmp_path: Path
) -> None:
    other = Authority(tmp_path, "other").certificate
    bridge = await served(serve, strict, authority, client, transport, ca=other)
    assert "cannot be reached" in await not_ready(bridge)


@TRANSPORTS
async def test_with_another_secret_triton_refuses_and_says_so(
    serve: Serve, strict: RunningTriton, authority: Authority, client: Pair, transport: str
) -> None:
    wrong = {"triton-grpc-protocol-group-key": "open-wrong"}
    bridge = await served(serve, strict, authority, client, transport, headers=wrong)
    assert await not_ready(bridge) == "Triton refuses the bridge's key"


async def test_a_new_certificate_is_shown_to_triton_when_it_is_there(
    serve: Serve, strict: RunningTriton, authority: Authority, tmp_path: Path
) -> None:
    shown = Pair(tmp_path / "shown.crt", tmp_path / "shown.key")
    Authority(tmp_path, "foreign").issue("bridge").move(shown)
    bridge = await served(serve, strict, authority, shown, "native")
    assert "cannot be reached" in await not_ready(bridge)
    authority.issue("again").move(shown)
    bridge.protection.reload()
    await bridge_is_ready(bridge)


async def bridge_is_ready(bridge: Bridge) -> None:
    """Wait until Triton was reached by the poll."""
    for _ in range(200):
        if (await ask(bridge.http_port, "GET", "/v1/health/ready")).status == 200:
            return
        await ask(bridge.http_port, "GET", "/v1/models")  # looks at Triton
    raise AssertionError(await not_ready(bridge))


async def test_a_broken_file_is_named_at_the_start(serve: Serve, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"triton_tls\.ca: .* cannot be read"):
        await serve(triton="127.0.0.1:1", triton_tls=TritonTls(ca=tmp_path / "nowhere"))
