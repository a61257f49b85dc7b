"""Which layout a model has, and why some have none."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest

from bridge.config import Adapter
from bridge.protocol.translators import TRANSLATORS, UnservableError, choose
from tests.protocol import dynamo_frontend
from tests.protocol.models import declared, standin, tensor

if TYPE_CHECKING:
    from bridge.protocol.signature import Signature


@pytest.mark.parametrize(
    ("signature", "family"),
    [
        pytest.param(standin("echo_vllm"), "vllm", id="the vLLM backend's tensors"),
        pytest.param(
            declared(tensor("text_input", optional=False), tensor("sampling_parameters"), backend="vllm"),
            "vllm",
            id="the vLLM backend",
        ),
        pytest.param(dynamo_frontend.signature(), "dynamo", id="Dynamo's language models"),
        pytest.param(
            declared(tensor("text_input", optional=False), tensor("temperature", "FP32"), backend="dynamo"),
            "text",
            id="one of Dynamo's tensor models",
        ),
        pytest.param(standin("plain"), "text", id="plain"),
        pytest.param(standin("plain_decoupled"), "text", id="plain and decoupled"),
        pytest.param(standin("batched"), "text", id="batched"),
    ],
)
def test_a_model_is_served_as_its_family(signature: Signature, family: str) -> None:
    assert choose(signature).family == family


def test_an_adapter_overrides_the_choice() -> None:
    assert choose(standin("echo_vllm"), "text").family == "text"


@pytest.mark.parametrize(
    ("signature", "adapter", "why"),
    [
        pytest.param(standin("identity"), "auto", "no text input", id="numbers"),
        pytest.param(
            declared(tensor("question"), outputs=["reply"]),
            "auto",
            "text inputs question and outputs reply fit no known layout",
            id="unknown names",
        ),
        pytest.param(
            declared(tensor("text_input", optional=False), tensor("image", "FP32", optional=False)),
            "auto",
            "model 'm' needs input 'image', which no field of the request fills",
            id="an input that nothing fills",
        ),
        pytest.param(
            standin("plain"),
            "vllm",
            "model 'plain' cannot take 1 elements for input 'sampling_parameters'",
            id="the wrong adapter",
        ),
        pytest.param(
            declared(tensor("text_input"), outputs=["reply"]),
            "text",
            "no output is known for the answer of adapter 'text'",
            id="an answer under an unknown name",
        ),
        pytest.param(
            declared(tensor("text_input", dims=(2,))),
            "auto",
            "model 'm' cannot take 1 elements for input 'text_input'",
            id="a prompt of two strings",
        ),
    ],
)
def test_a_model_that_cannot_be_served_says_why(signature: Signature, adapter: str, why: str) -> None:
    with pytest.raises(UnservableError) as caught:
        choose(signature, adapter)
    assert str(caught.value) == why


def test_the_configuration_knows_every_family() -> None:
    assert set(get_args(Adapter)) == {"auto", *TRANSLATORS}
