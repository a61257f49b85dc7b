"""Plain models: fields are carried where an input of a known name takes them, else refused."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from openai_bridge.v1.common_pb2 import FINISH_REASON_LENGTH, FINISH_REASON_STOP

from bridge.errors import BridgeError, Reason
from bridge.protocol.choice import Choice
from bridge.protocol.generation import Generation, Piece
from bridge.protocol.translators.text import INPUTS, TextTranslator
from tests.protocol.forward_fields import SAMPLES
from tests.protocol.models import declared, says, sent, standin, tensor

if TYPE_CHECKING:
    from bridge.protocol.signature import Signature

PROMPT = tensor("text_input", optional=False)
NONE = declared(PROMPT)
ALL = declared(
    PROMPT,
    tensor("max_tokens", "INT32"),
    tensor("stream", "BOOL"),
    *(tensor(name, "FP32") for name in ("temperature", "top_p", "min_p", "repetition_penalty")),
    *(tensor(name, "FP32") for name in ("presence_penalty", "frequency_penalty")),
    *(tensor(name, "INT32") for name in ("top_k", "min_tokens")),
    tensor("seed", "UINT64"),
    tensor("ignore_eos", "BOOL"),
    *(tensor(name, "BYTES", (-1,)) for name in ("stop_words", "bad_words")),
)
CARRIED = {
    "temperature": ("temperature", [0.0]),
    "top_p": ("top_p", [0.5]),
    "min_p": ("min_p", [0.25]),
    "top_k": ("top_k", [3]),
    "presence_penalty": ("presence_penalty", [0.5]),
    "frequency_penalty": ("frequency_penalty", [-0.5]),
    "repetition_penalty": ("repetition_penalty", [1.5]),
    "seed": ("seed", [2**62 + 1]),
    "stop": ("stop_words", ["one", "two"]),
    "bad_words": ("bad_words", ["bad", "worse"]),
    "min_tokens": ("min_tokens", [2]),
    "ignore_eos": ("ignore_eos", [True]),
}
ASK = Generation(request_id="r", prompt="hello", max_tokens=5)


def ask(signature: Signature, **fields: Any) -> dict[str, list[Any]]:
    """Return the inputs that are sent."""
    return sent(TextTranslator(signature).request(replace(ASK, sampling=fields)))


def refused(signature: Signature, generation: Generation) -> BridgeError:
    with pytest.raises(BridgeError) as caught:
        TextTranslator(signature).request(generation)
    return caught.value


@pytest.mark.parametrize("name", SAMPLES)
def test_a_field_becomes_an_input_or_is_refused(name: str) -> None:
    if name in CARRIED:
        tensor_name, elements = CARRIED[name]
        assert ask(ALL, **{name: SAMPLES[name]})[tensor_name] == elements
    else:
        error = refused(ALL, replace(ASK, sampling={name: SAMPLES[name]}))
        assert (error.reason, error.param) == (Reason.UNSUPPORTED_PARAMETER, name)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_model_with_a_prompt_alone_refuses_every_field(name: str) -> None:
    error = refused(NONE, replace(ASK, sampling={name: SAMPLES[name]}))
    assert (error.reason, error.param, error.model) == (Reason.UNSUPPORTED_PARAMETER, name, "m")


def test_the_table_carries_what_is_tried() -> None:
    assert set(INPUTS) == set(CARRIED)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("top_p", 1.0, id="top_p"),
        pytest.param("frequency_penalty", 0.0, id="frequency_penalty"),
        pytest.param("presence_penalty", 0.0, id="presence_penalty"),
        pytest.param("top_k", -1, id="top_k"),
        pytest.param("skip_special_tokens", True, id="skip_special_tokens"),
    ],
)
def test_what_asks_for_nothing_is_accepted_and_not_sent(name: str, value: Any) -> None:
    assert ask(NONE, **{name: value}) == {"text_input": ["hello"]}


@pytest.mark.parametrize(
    ("spec", "field", "value"),
    [
        pytest.param(tensor("seed", "INT32"), "seed", 2**40, id="a seed too large"),
        pytest.param(tensor("stop_words"), "stop", ["a", "b"], id="two stop strings in a place for one"),
        pytest.param(tensor("temperature", "INT32"), "temperature", 0.7, id="a fraction"),
        pytest.param(tensor("top_k", "UINT32"), "top_k", -1, id="a negative number"),
    ],
)
def test_a_value_that_the_models_input_cannot_hold_is_the_requests_fault(
    spec: Any, field: str, value: Any
) -> None:
    error = refused(declared(PROMPT, spec), replace(ASK, sampling={field: value}))
    assert (error.reason, error.param) == (Reason.UNSUPPORTED_PARAMETER, field)


def test_a_negative_seed_reaches_a_uint64_input() -> None:
    assert ask(ALL, seed=-1)["seed"] == [2**64 - 1]


def test_old_names_are_known() -> None:
    old = declared(
        tensor("PROMPT", optional=False),
        tensor("request_output_len", "INT32", optional=False),
        tensor("random_seed", "UINT64"),
        tensor("min_length", "INT32"),
        outputs=["OUTPUT"],
    )
    assert TextTranslator.fits(old)
    assert ask(old, seed=3, min_tokens=2) == {
        "PROMPT": ["hello"],
        "request_output_len": [5],
        "random_seed": [3],
        "min_length": [2],
    }


def test_a_token_limit_is_refused_only_if_the_client_set_it() -> None:
    assert ask(NONE) == {"text_input": ["hello"]}
    error = refused(NONE, replace(ASK, max_tokens_param="max_completion_tokens"))
    assert (error.reason, error.param) == (Reason.UNSUPPORTED_PARAMETER, "max_completion_tokens")


def test_logprobs_are_refused() -> None:
    assert refused(ALL, replace(ASK, logprobs=0)).param == "logprobs"


@pytest.mark.parametrize(
    ("signature", "stream"),
    [
        pytest.param(ALL, [True], id="decoupled"),
        pytest.param(replace(ALL, decoupled=False), [False], id="one answer"),
        pytest.param(replace(ALL, parameters={"accumulate_tokens": "True"}), [True], id="cumulative text"),
        pytest.param(replace(ALL, parameters={"accumulate_tokens": "${x}"}), [True], id="BLS, not filled in"),
    ],
)
def test_a_model_streams_if_it_can_send_several_responses(signature: Signature, stream: list[bool]) -> None:
    assert ask(signature)["stream"] == stream


def test_llmapi_served_as_plain_is_asked_for_its_text_without_the_prompt() -> None:
    llmapi = declared(
        PROMPT, tensor("streaming", "BOOL"), tensor("sampling_param_exclude_input_from_output", "BOOL")
    )
    assert ask(llmapi) == {
        "text_input": ["hello"],
        "streaming": [True],
        "sampling_param_exclude_input_from_output": [True],
    }


def test_counts_are_asked_for_where_they_exist() -> None:
    counting = declared(
        PROMPT,
        tensor("return_num_input_tokens", "BOOL"),
        tensor("return_num_output_tokens", "BOOL"),
        outputs=["text_output", "num_input_tokens", "num_output_tokens"],
    )
    request = TextTranslator(counting).request(ASK)
    assert sent(request)["return_num_input_tokens"] == [True]
    assert [item.name for item in request.outputs] == ["text_output", "num_input_tokens", "num_output_tokens"]


@pytest.mark.parametrize(
    ("signature", "fits"),
    [
        pytest.param(standin("plain"), True, id="plain"),
        pytest.param(standin("batched"), True, id="batched"),
        pytest.param(standin("identity"), False, id="identity"),
        pytest.param(declared(PROMPT, outputs=["embedding"]), False, id="no text output"),
        pytest.param(declared(tensor("text_input", "INT32")), False, id="token ids"),
    ],
)
def test_a_model_fits_if_text_goes_in_and_comes_out(signature: Signature, fits: bool) -> None:
    assert TextTranslator.fits(signature) is fits


def read(signature: Signature, *responses: Any) -> tuple[list[Piece], Piece]:
    """Return what a choice makes of each response, and its end."""
    choice = Choice(ASK, TextTranslator(signature).reader(ASK))
    return [choice.feed(response) for response in responses], choice.finish()


LIMITED = declared(PROMPT, tensor("max_tokens", "INT32"))


@pytest.mark.parametrize(
    ("signature", "outputs", "reason"),
    [
        pytest.param(LIMITED, {}, FINISH_REASON_STOP, id="nothing said"),
        pytest.param(LIMITED, {"num_output_tokens": 5}, FINISH_REASON_LENGTH, id="as many as asked for"),
        pytest.param(LIMITED, {"num_output_tokens": 4}, FINISH_REASON_STOP, id="fewer"),
        pytest.param(LIMITED, {"finish_reason": "length"}, FINISH_REASON_LENGTH, id="the model says length"),
        pytest.param(
            LIMITED,
            {"finish_reason": "stop", "num_output_tokens": 5},
            FINISH_REASON_STOP,
            id="the model says stop at the limit",
        ),
        pytest.param(NONE, {"num_output_tokens": 99}, FINISH_REASON_STOP, id="the limit was not sent"),
    ],
)
def test_the_finish_reason_is_the_models_or_inferred(
    signature: Signature, outputs: dict[str, Any], reason: int
) -> None:
    _, end = read(signature, says("x", **outputs))
    assert end.finish_reason == reason


def test_counts_add_up_over_responses() -> None:
    pieces, end = read(LIMITED, says("a", num_output_tokens=3), says("b", num_output_tokens=2))
    assert [piece.completion_tokens for piece in pieces] == [3, 2]
    assert end.finish_reason == FINISH_REASON_LENGTH


def test_several_elements_are_one_text() -> None:
    response = says("a")
    response.raw_output_contents[0] += b"\x01\x00\x00\x00b"
    pieces, _ = read(NONE, response)
    assert pieces[0].text == "ab"
