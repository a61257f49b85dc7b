"""Questions about models, beside the generations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.errors import BridgeError, Reason
from tests.scripted_backend import running
from tests.scripted_triton import refused_address, scripted_triton
from tests.two_transports import EITHER

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.backends.triton import TritonBackend


async def test_the_ready_models_are_told_with_all_their_versions() -> None:
    async with running() as (peer, backend):
        assert await backend.ready_models() == {"m": "1"}
        peer.versions["m"] = "2"
        assert await backend.ready_models() == {"m": "2"}


async def test_the_signature_of_a_model_is_its_tensors() -> None:
    async with running() as (_, backend):
        signature = await backend.signature("m")

    assert signature.decoupled
    assert list(signature.inputs) == ["text_input"]
    assert list(signature.outputs) == ["text_output"]


async def test_the_signature_of_an_unknown_model_is_not_found() -> None:
    async with running() as (_, backend):
        with pytest.raises(BridgeError) as caught:
            await backend.signature("other")

    assert caught.value.reason is Reason.MODEL_NOT_FOUND


async def test_a_question_to_a_triton_that_exits_is_unavailable() -> None:
    async with running() as (peer, backend):
        peer.down = True
        with pytest.raises(BridgeError) as caught:
            await backend.ready_models()

    assert caught.value.reason is Reason.BACKEND_UNAVAILABLE


@EITHER
async def test_a_failure_to_connect_is_no_other_backends_failure(
    transport: Callable[[str], TritonBackend],
) -> None:
    with refused_address() as address:
        early = transport(address)
        with pytest.raises(BridgeError):
            await early.ready_models()
    async with scripted_triton(address=address):
        late = transport(address)
        try:
            assert await late.ready_models() == {"m": "1"}
        finally:
            await early.close()
            await late.close()
