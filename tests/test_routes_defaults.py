"""A model's defaults: read as a request is, and only served where the model can carry them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bridge.config import Config, ModelConfig
from bridge.protocol.model import Model
from bridge.protocol.translators import UnservableError
from bridge.routes import Routes
from tests.protocol import dynamo_frontend
from tests.protocol.models import declared, standin, tensor

if TYPE_CHECKING:
    from bridge.protocol.signature import Signature

VLLM = standin("echo_vllm")
BARE = declared(tensor("text_input", optional=False), tensor("seed", "INT32"))


def served(signature: Signature, defaults: dict[str, Any], **settings: Any) -> Model:
    config = Config(models={"m": ModelConfig(defaults=defaults, **settings)})
    model = Routes(config).make("m", signature, 7)
    assert isinstance(model, Model)
    return model


def test_defaults_are_as_a_request_would_have_them() -> None:
    wanted = {"temperature": 1, "stop": "END", "logit_bias": {"5": -1}, "stop_token_ids": [1, 2]}
    assert served(VLLM, wanted).defaults == {
        "temperature": 1.0,
        "stop": ["END"],
        "logit_bias": {5: -1.0},
        "stop_token_ids": [1, 2],
    }


@pytest.mark.parametrize(
    ("signature", "defaults", "settings"),
    [
        pytest.param(BARE, {"seed": 3}, {}, id="an input"),
        pytest.param(BARE, {"stop": "END"}, {}, id="what the bridge does"),
        pytest.param(BARE, {"top_k": 0, "top_p": 1.0}, {}, id="what asks for nothing"),
        pytest.param(BARE, {"top_k": 3}, {"unsupported": "ignore"}, id="what is let pass"),
        pytest.param(BARE, {"top_k": 3}, {"as_parameters": ("top_k",)}, id="a request parameter"),
        pytest.param(replace(BARE, priority_levels=2), {"priority": 1}, {}, id="the queue's priority"),
        pytest.param(
            BARE, {"triton_parameters": {"a": 1}}, {"allowed_parameters": ("a",)}, id="an allowed parameter"
        ),
    ],
)
def test_a_model_that_can_carry_its_defaults_is_served(
    signature: Signature, defaults: dict[str, Any], settings: dict[str, Any]
) -> None:
    assert served(signature, defaults, **settings).defaults.keys() == defaults.keys()


@pytest.mark.parametrize(
    ("defaults", "field"),
    [
        pytest.param({"top_k": 3}, "top_k", id="no input"),
        pytest.param({"seed": 2**40}, "seed", id="more than the input holds"),
        pytest.param({"priority": 1}, "priority", id="no queue"),
        pytest.param({"triton_parameters": {"a": 1}}, "triton_parameters.a", id="not allowed"),
    ],
)
def test_a_model_that_cannot_is_not_served_and_the_field_is_named(
    defaults: dict[str, Any], field: str
) -> None:
    with pytest.raises(UnservableError, match=f"'{field}'"):
        served(BARE, defaults)


def test_a_limit_that_would_have_no_effect_is_no_silent_default() -> None:
    with pytest.raises(UnservableError, match="max_tokens"):
        served(BARE, {}, max_tokens=9)
    assert served(BARE, {}, max_tokens=9, unsupported="ignore").default_max_tokens == 9
    assert served(BARE, {}, max_tokens=9, as_parameters=("max_tokens",)).default_max_tokens == 9


@pytest.mark.parametrize(
    ("signature", "settings", "adds"),
    [
        pytest.param(VLLM, {}, True, id="an engine that begins the sequence"),
        pytest.param(VLLM, {"strip_bos": False}, False, id="the operator says it does not"),
        pytest.param(dynamo_frontend.signature(), {}, False, id="Dynamo, which adds nothing"),
        pytest.param(dynamo_frontend.signature(), {"strip_bos": True}, True, id="the operator says it does"),
    ],
)
def test_who_begins_the_sequence_is_known_by_the_family(
    signature: Signature, settings: dict[str, Any], adds: bool
) -> None:
    assert served(signature, {}, **settings).adds_special_tokens is adds
