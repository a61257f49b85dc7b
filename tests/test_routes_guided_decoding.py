"""How constraints reach a model, as the operator says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bridge.config import Config, ModelConfig
from bridge.protocol.model import Model
from bridge.protocol.translators import UnservableError
from bridge.routes import Routes
from tests.families import family_signature
from tests.protocol.models import standin

if TYPE_CHECKING:
    from bridge.protocol.signature import Signature

VLLM = standin("echo_vllm")
PLAIN = standin("plain")
ENSEMBLE = family_signature("ensemble", decoupled=True)


def routes(setting: Any) -> Routes:
    return Routes(Config(models={"m": ModelConfig(guided_decoding=setting)}))


@pytest.mark.parametrize(
    ("signature", "setting", "carries"),
    [
        pytest.param(VLLM, "auto", True, id="vLLM"),
        pytest.param(VLLM, "guided_decoding", True, id="older vLLM"),
        pytest.param(VLLM, "none", False, id="vLLM without"),
        pytest.param(ENSEMBLE, "auto", True, id="TensorRT-LLM"),
        pytest.param(ENSEMBLE, "none", False, id="TensorRT-LLM without"),
        pytest.param(PLAIN, "none", False, id="a model that has none"),
    ],
)
def test_guided_decoding_is_as_the_operator_says(signature: Signature, setting: Any, carries: bool) -> None:
    model = routes(setting).make("m", signature, 7)
    assert isinstance(model, Model)
    assert ("json" in model.translator.constraints) is carries


@pytest.mark.parametrize("setting", ["structured_outputs", "guided_decoding"])
@pytest.mark.parametrize("signature", [ENSEMBLE, PLAIN])
def test_a_key_of_vllm_does_not_fit_other_models(signature: Signature, setting: Any) -> None:
    with pytest.raises(UnservableError, match=f"guided_decoding = '{setting}' needs a model of the vLLM"):
        routes(setting).make("m", signature, 7)
