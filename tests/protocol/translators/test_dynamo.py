"""Dynamo's language models, by what a real frontend was recorded to say."""

from __future__ import annotations

from dataclasses import replace

import pytest
from openai_bridge.v1.common_pb2 import FINISH_REASON_STOP

from bridge.errors import BridgeError, Reason
from bridge.protocol.choice import Choice
from bridge.protocol.generation import Generation
from bridge.protocol.translators import choose
from bridge.protocol.translators.dynamo import DynamoTranslator
from tests.golden_files import golden
from tests.protocol import dynamo_frontend
from tests.protocol.forward_fields import SAMPLES
from tests.protocol.models import declared, sent, tensor

SIGNATURE = dynamo_frontend.signature()
ASK = Generation(request_id="r", prompt=dynamo_frontend.PROMPT, max_tokens=1024)


def test_a_request_is_the_prompt_to_be_streamed() -> None:
    request = DynamoTranslator(SIGNATURE).request(ASK)
    golden(dynamo_frontend.REQUEST, dynamo_frontend.written([request]))
    assert sent(request) == {"text_input": [dynamo_frontend.PROMPT], "streaming": [True]}


def test_an_answer_is_read_from_typed_contents() -> None:
    choice = Choice(ASK, DynamoTranslator(SIGNATURE).reader(ASK))
    pieces = [choice.feed(response) for response in dynamo_frontend.answer()]
    end = choice.finish()
    assert [piece.text for piece in pieces] == ["Grüße,", " one", " two "]
    assert {piece.completion_tokens for piece in pieces} == {None}
    assert (end.text, end.finish_reason) == ("", FINISH_REASON_STOP)


def test_an_answer_without_contents_is_a_contract_failure() -> None:
    (response, *_) = dynamo_frontend.answer()
    response.outputs[0].ClearField("contents")
    with pytest.raises(BridgeError) as caught:
        DynamoTranslator(SIGNATURE).reader(ASK).feed(response)
    assert caught.value.reason is Reason.BACKEND_CONTRACT


@pytest.mark.parametrize("name", [*SAMPLES, "max_tokens", "max_completion_tokens", "logprobs"])
def test_every_field_is_refused_and_told_why(name: str) -> None:
    if name == "logprobs":
        asked = replace(ASK, logprobs=0)
    elif name in SAMPLES:
        asked = replace(ASK, sampling={name: SAMPLES[name]})
    else:
        asked = replace(ASK, max_tokens_param=name)
    with pytest.raises(BridgeError) as caught:
        DynamoTranslator(SIGNATURE).request(asked)
    assert (caught.value.reason, caught.value.param) == (Reason.UNSUPPORTED_PARAMETER, name)
    assert caught.value.message.endswith("Dynamo's KServe frontend passes on the prompt alone")


def test_dynamo_puts_nothing_around_a_prompt() -> None:
    assert not choose(SIGNATURE).adds_special_tokens


@pytest.mark.parametrize(
    ("signature", "fits"),
    [
        pytest.param(SIGNATURE, True, id="a language model"),
        pytest.param(replace(SIGNATURE, backend="python"), False, id="the same tensors on a Triton"),
        pytest.param(
            declared(tensor("text_input"), tensor("depth", "INT32"), backend="dynamo"),
            False,
            id="a tensor model",
        ),
    ],
)
def test_a_language_model_is_known_by_its_configuration(signature: object, fits: bool) -> None:
    assert DynamoTranslator.fits(signature) is fits
