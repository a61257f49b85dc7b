"""Every field of class F in every family: it is forwarded, done by the bridge, or refused."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from openai_bridge.v1.chat_pb2 import CreateChatCompletionRequest as Chat
from openai_bridge.v1.completions_pb2 import CreateCompletionRequest as Completion

from bridge.errors import BridgeError, Reason
from bridge.protocol.request_fields import CHAT, COMPLETION, Handling
from bridge.protocol.translators import TRANSLATORS
from bridge.protocol.translators.typed_inputs import Overrides
from tests.families import family_signature
from tests.protocol import chat_requests, completion_requests, dynamo_frontend
from tests.protocol.forward_fields import SAMPLES
from tests.protocol.models import declared, says, sent, served, standin, tensor

if TYPE_CHECKING:
    from bridge.protocol.kserve import ModelInferRequest
    from bridge.protocol.model import Model

BRIDGE, REFUSED = "the bridge", "refused"
PROMPT = tensor("text_input", optional=False)
PLAIN = declared(
    PROMPT, tensor("max_tokens", "INT32"), tensor("temperature", "FP32"), tensor("seed", "INT64")
)
NUMBERS = {
    "temperature": "heat",
    "min_p": "floor",
    "seed": "dice",
    "cache_salt": "salt",
}
INHOUSE = declared(
    tensor("question", optional=False),
    *(tensor(name, "FP32") for name in ("heat", "floor")),
    tensor("dice", "INT64"),
    tensor("salt"),
    *(tensor(name, dims=(-1,)) for name in ("enough", "words")),
    tensor("keep", "BOOL"),
    tensor("ids", "INT32", (-1,)),
    outputs=["reply"],
)
RENAMED = Overrides(
    tensors={
        "prompt": "question",
        "answer": "reply",
        **NUMBERS,
        "stop": "enough",
        "bad_words": "words",
        "include_stop_str_in_output": "keep",
        "allowed_token_ids": "ids",
    }
)
ONE_VALUE = frozenset({"temperature", "top_p", "top_k", "seed", "ignore_eos", "cache_salt", "priority"})

MODELS: dict[str, Model] = {
    "vllm": served("echo_vllm"),
    "vllm, the real backend": served(replace(standin("echo_vllm"), backend="vllm")),
    "dynamo": served(dynamo_frontend.signature()),
    "llmapi": served(family_signature("llmapi")),
    "trtllm": served(family_signature("ensemble", decoupled=True)),
    "text": served(PLAIN),
    "text with tensors of other names": served(INHOUSE, overrides=RENAMED),
    "text with request parameters": served(PLAIN, overrides=Overrides(as_parameters=ONE_VALUE)),
    "text with a queue and allowed parameters": served(
        PLAIN, priority_levels=4, allowed_parameters=frozenset({"depth"})
    ),
}

KEYS = {
    name: f"key {name}"
    for name in (
        *("temperature", "top_p", "top_k", "min_p", "presence_penalty", "frequency_penalty"),
        *("repetition_penalty", "seed", "stop", "stop_token_ids", "bad_words", "ignore_eos", "min_tokens"),
        *("include_stop_str_in_output", "skip_special_tokens", "spaces_between_special_tokens"),
        "allowed_token_ids",
    )
}
CUT = {"stop": BRIDGE, "include_stop_str_in_output": BRIDGE}
TENSORS = {"temperature": "input temperature", "seed": "input seed"}

# What becomes of a field that is not refused.
EXPECTED: dict[str, dict[str, str]] = {
    "vllm": KEYS | {"logit_bias": "key logit_bias"},
    "vllm, the real backend": KEYS,
    "dynamo": CUT,
    "llmapi": CUT
    | {
        "temperature": "input sampling_param_top_k",
        "top_p": "input sampling_param_top_p",
        "top_k": "input sampling_param_top_k",
        "presence_penalty": "input sampling_param_presence_penalty",
        "frequency_penalty": "input sampling_param_frequency_penalty",
        "seed": "input sampling_param_seed",
        "stop": "input sampling_param_stop",
    },
    "trtllm": CUT
    | {
        "temperature": "input top_k",
        **{
            name: f"input {name}"
            for name in ("top_p", "top_k", "presence_penalty", "frequency_penalty", "repetition_penalty")
        },
        "seed": "input seed",
        "stop": "input stop_words",
        "bad_words": "input bad_words",
        "min_tokens": "input min_tokens",
    },
    "text": CUT | TENSORS,
    "text with tensors of other names": {
        "temperature": "input heat",
        "min_p": "input floor",
        "seed": "input dice",
        "cache_salt": "input salt",
        "stop": "input enough",
        "bad_words": "input words",
        "include_stop_str_in_output": "input keep",
        "allowed_token_ids": "input ids",
    },
    "text with request parameters": CUT | {name: f"parameter {name}" for name in ONE_VALUE},
    "text with a queue and allowed parameters": CUT
    | TENSORS
    | {"priority": "parameter priority", "triton_parameters": "parameter depth"},
}
FIELDS = [
    pytest.param(kind, name, id=f"{kind.__name__}.{name}")
    for kind, table in ((Chat, CHAT), (Completion, COMPLETION))
    for name, field in table.items()
    if field.handling is Handling.FORWARD
]


def asked(kind: type[Any], model: Model, **fields: Any) -> Any:
    """Return the exchange of a request with these fields, as protobuf holds them."""
    if kind is Chat:
        messages = [{"role": "ROLE_USER", "content": [{"text": "Hi"}]}]
        return chat_requests.opened(Chat(messages=messages, **fields), model)
    return completion_requests.opened(Completion(prompt=[{"text": "Hi"}], **fields), model)


def parts(request: ModelInferRequest) -> dict[str, Any]:
    """Return the inputs, the request parameters and vLLM's sampling keys."""
    found: dict[str, Any] = {f"input {name}": value for name, value in sent(request).items()}
    found |= {f"parameter {name}": str(value) for name, value in request.parameters.items()}
    for text in found.pop("input sampling_parameters", ()):
        found |= {f"key {name}": value for name, value in orjson.loads(text).items()}
    return found


def refusal(error: BridgeError, model: Model, param: str) -> str:
    """Check that an error is the 400 that names field and model."""
    assert (error.reason, error.param) == (Reason.UNSUPPORTED_PARAMETER, param)
    assert error.model == model.id
    assert repr(model.id) in error.message
    return REFUSED


def outcome(kind: type[Any], model: Model, name: str) -> str:
    """Return what becomes of a field: what it changes of Triton's request, or that it is refused."""
    value = SAMPLES[name]
    try:
        exchange = asked(kind, model, **{name: value})
    except BridgeError as exc:
        return refusal(exc, model, "triton_parameters.depth" if name == "triton_parameters" else name)
    with_it, without = parts(exchange.requests[0]), parts(asked(kind, model).requests[0])
    assert without.items() <= with_it.items()
    changed = with_it.keys() - without.keys()
    assert len(changed) <= 1
    assert exchange.ignored == ()
    return next(iter(changed), BRIDGE)


@pytest.mark.parametrize("family", MODELS)
@pytest.mark.parametrize(("kind", "name"), FIELDS)
def test_a_field_is_forwarded_or_done_by_the_bridge_or_refused(
    kind: type[Any], name: str, family: str
) -> None:
    assert outcome(kind, MODELS[family], name) == EXPECTED[family].get(name, REFUSED)


@pytest.mark.parametrize("family", MODELS)
@pytest.mark.parametrize(("kind", "name"), FIELDS)
def test_the_operator_may_let_pass_what_would_be_refused(kind: type[Any], name: str, family: str) -> None:
    model = replace(MODELS[family], unsupported="ignore")
    if EXPECTED[family].get(name, REFUSED) != REFUSED or name == "triton_parameters":
        assert outcome(kind, model, name) == EXPECTED[family].get(name, REFUSED)
        return
    exchange = asked(kind, model, **{name: SAMPLES[name]})
    assert exchange.ignored == (name,)
    assert parts(exchange.requests[0]) == parts(asked(kind, model).requests[0])


def test_every_family_and_every_field_is_walked() -> None:
    assert {model.translator.family for model in MODELS.values()} == set(TRANSLATORS)
    assert set(EXPECTED) == set(MODELS)
    known = {parameter.values[1] for parameter in FIELDS}
    assert all(set(table) <= known for table in EXPECTED.values())


@pytest.mark.parametrize(
    "family", [name for name, model in MODELS.items() if not model.translator.cuts_stop_strings]
)
@pytest.mark.parametrize(("include", "shown"), [(None, "a "), (False, "a "), (True, "a END")])
def test_what_the_bridge_does_is_done(family: str, include: bool | None, shown: str) -> None:
    exchange = chat_requests.ask(MODELS[family], stop="END", include_stop_str_in_output=include)
    response = says("a END b", reply="a END b")
    texts = [message.choices[0].delta.content for message in exchange.feed(0, [response])]
    assert "".join(texts) == shown
