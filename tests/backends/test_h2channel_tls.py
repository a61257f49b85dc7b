"""Connections over TLS: the server must choose h2, and somebody must vouch for it."""

from __future__ import annotations

import ssl
import subprocess
from typing import TYPE_CHECKING

import pytest
from hpack import Decoder

from bridge.backends.h2channel import Channel
from tests import scripted_h2 as h2
from tests.channel import answers, ended
from tests.scripted_h2 import scripted_h2

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a key and a certificate for 127.0.0.1."""
    made = tmp_path_factory.mktemp("tls") / "both.pem"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", "/CN=triton", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = [
        "openssl",
        "req",
        "-x509",
        "-days",
        "1",
        *curve,
        *names,
        "-keyout",
        made,
        "-out",
        f"{made}.crt",
    ]
    subprocess.run(command, check=True, capture_output=True)
    made.write_bytes(made.read_bytes() + made.with_name("both.pem.crt").read_bytes())
    return made


@pytest.mark.parametrize(("protocols", "code"), [(["h2"], 0), (["http/1.1"], 14), ([], 14)])
async def test_tls_needs_a_server_that_chooses_h2(certificate: Path, protocols: list[str], code: int) -> None:
    ours = ssl.create_default_context(cafile=str(certificate))
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(certificate)
    if protocols:
        theirs.set_alpn_protocols(protocols)
    async with scripted_h2(answers, theirs) as server:
        channel = Channel(server.address, ssl=ours)
        heard = await ended(channel)
        await channel.close()

    assert heard.code == code
    if not code:
        headers = dict(Decoder().decode(server.peers[0].sent(h2.HEADERS, 1)[0].payload))
        assert headers[":scheme"] == "https"


async def test_tls_refuses_a_certificate_that_nobody_vouches_for(certificate: Path) -> None:
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(certificate)
    theirs.set_alpn_protocols(["h2"])
    async with scripted_h2(answers, theirs) as server:
        channel = Channel(server.address, ssl=ssl.create_default_context())
        heard = await ended(channel)
        await channel.close()

    assert heard.code == 14
