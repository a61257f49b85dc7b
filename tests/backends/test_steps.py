"""The signature of an ensemble tells what its steps take; either transport."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest

from bridge.errors import BridgeError, Reason
from tests.scripted_triton import ScriptedTriton, config, scripted_triton
from tests.two_transports import EITHER

if TYPE_CHECKING:
    from bridge.protocol.kserve import ModelConfig


def ensemble(*steps: tuple[str, int]) -> ModelConfig:
    made = config("m")
    made.platform, made.backend = "ensemble", ""
    for name, version in steps:
        made.ensemble_scheduling.step.add(model_name=name, model_version=version)
    return made


@EITHER
async def test_the_steps_are_asked_for_in_their_versions(transport: Any) -> None:
    async with scripted_triton(None, ensemble(("a", -1), ("b", 7)), config("a", "x"), config("b")) as peer:
        backend = transport(peer.address)
        found = await backend.signature("m")
        await backend.close()
    assert [(step.name, step.version, "x" in step.inputs) for step in found.steps] == [
        ("a", "", True),
        ("b", "7", False),
    ]
    assert peer.asked == ["m", "a", "b"]


@EITHER
async def test_a_step_that_has_gone_is_left_out(transport: Any) -> None:
    async with scripted_triton(None, ensemble(("a", -1), ("b", -1)), config("b")) as peer:
        backend = transport(peer.address)
        found = await backend.signature("m")
        await backend.close()
    assert [step.name for step in found.steps] == ["b"]


class Losing(ScriptedTriton):
    """A peer that is lost after the first question."""

    async def ModelConfig(self, request: Any, context: Any) -> Any:  # noqa: N802 - the name of the RPC
        if request.name != "m":
            await context.abort(grpc.StatusCode.UNAVAILABLE, "Server exiting")
        return await super().ModelConfig(request, context)


@EITHER
async def test_a_server_that_is_lost_meanwhile_is_told_of(
    transport: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.scripted_triton.ScriptedTriton", Losing)
    async with scripted_triton(None, ensemble(("a", -1)), config("a")) as peer:
        backend = transport(peer.address)
        with pytest.raises(BridgeError) as caught:
            await backend.signature("m")
        await backend.close()
    assert caught.value.reason is Reason.BACKEND_UNAVAILABLE


@EITHER
async def test_other_models_have_no_steps(transport: Any) -> None:
    async with scripted_triton() as peer:
        backend = transport(peer.address)
        found = await backend.signature("m")
        await backend.close()
    assert found.steps == ()
