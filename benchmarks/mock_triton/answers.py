"""What the mock says: its models, and the messages of an answer, serialised before they are needed.

A response is its head (model, request id: one per generation) and its tail (text, counts, final flag: one
per position, the same for all generations). Protobuf lets the two be put one behind the other, and texts
of fixed width let every response of a generation have the same length.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

import orjson
from tritonclient.grpc import model_config_pb2, service_pb2

from benchmarks.tokens import text

if TYPE_CHECKING:
    from collections.abc import Sequence

OUTPUTS: Final = ("text_output", "finish_reason", "num_input_tokens", "num_output_tokens")
FLAGS: Final = ("return_finish_reason", "return_num_input_tokens", "return_num_output_tokens")
MAX_TOKENS: Final = 99_999
DEFAULT_TOKENS: Final = 16
"""vLLM's own, where a request names none."""
PROMPT_TOKENS: Final = 20
_INFER_RESPONSE: Final = b"\x12"  # field 2 of ModelStreamInferResponse


class BadRequestError(Exception):
    """What Triton would answer as `error_message`."""


class Tails:
    """The tails of answers with certain outputs."""

    def __init__(self, outputs: Sequence[str]) -> None:
        self._outputs = outputs
        self._middle: list[bytes] = []
        self._last: dict[int, bytes] = {}

    def middle(self, tokens: int) -> list[bytes]:
        """Return tails of at least so many positions; none of them is the last of its answer."""
        for position in range(len(self._middle), tokens):
            self._middle.append(self._serialise(position, "None", final=False))
        return self._middle

    def last(self, tokens: int) -> bytes:
        """Return the tail that ends an answer of so many tokens; as with vLLM it has text and final flag."""
        if tokens not in self._last:
            self._last[tokens] = self._serialise(tokens - 1, "length", final=True)
        return self._last[tokens]

    def _serialise(self, position: int, reason: str, *, final: bool) -> bytes:
        response = service_pb2.ModelInferResponse()
        response.parameters["triton_final_response"].bool_param = final
        values: dict[str, tuple[str, list[int], bytes]] = {
            "text_output": ("BYTES", [1], _counted(text(position))),
            "finish_reason": ("BYTES", [1], _counted(reason)),
            "num_input_tokens": ("UINT32", [], PROMPT_TOKENS.to_bytes(4, "little")),
            "num_output_tokens": ("UINT32", [1], (1).to_bytes(4, "little")),
        }
        for name in self._outputs:
            datatype, shape, raw = values[name]
            response.outputs.add(name=name, datatype=datatype, shape=shape)
            response.raw_output_contents.append(raw)
        return bytes(response.SerializeToString())


@cache
def tails(outputs: tuple[str, ...]) -> Tails:
    """Return the tails of answers with these outputs, shared by all generations."""
    return Tails(outputs)


def head(request: service_pb2.ModelInferRequest, tail: int) -> bytes:
    """Return what stands before a tail of so many bytes in every response to a request."""
    response = service_pb2.ModelInferResponse(
        model_name=request.model_name, model_version="1", id=request.id
    ).SerializeToString()
    return _INFER_RESPONSE + _varint(len(response) + tail) + bytes(response)


def wanted(request: service_pb2.ModelInferRequest) -> tuple[tuple[str, ...], int]:
    """Return the outputs and the number of tokens that a request asks for.

    Raises:
        BadRequestError: it has no prompt, or its sampling parameters cannot be read.
    """
    given = {spec.name: raw for spec, raw in zip(request.inputs, request.raw_input_contents, strict=False)}
    if "text_input" not in given:
        raise BadRequestError(f"expected input 'text_input' for model '{request.model_name}'")
    try:
        sampling = orjson.loads(given.get("sampling_parameters", b"\0\0\0\0{}")[4:])
        tokens = int(sampling.get("max_tokens", DEFAULT_TOKENS))
    except (ValueError, TypeError, AttributeError) as exc:
        raise BadRequestError(f"Error generating stream: {exc}") from exc
    if not 1 <= tokens <= MAX_TOKENS:
        raise BadRequestError(f"Error generating stream: max_tokens must be 1 to {MAX_TOKENS}, got {tokens}")
    on = {flag.removeprefix("return_") for flag in FLAGS if given.get(flag) == b"\1"}
    asked = {item.name for item in request.outputs} or set(OUTPUTS)
    return tuple(name for name in OUTPUTS if name in asked and (name == "text_output" or name in on)), tokens


def error(text_: str) -> bytes:
    """Return a response that says only what went wrong."""
    return bytes(service_pb2.ModelStreamInferResponse(error_message=text_).SerializeToString())


def config(name: str) -> model_config_pb2.ModelConfig:
    """Return the configuration that the vLLM backend gives its models."""
    made = model_config_pb2.ModelConfig(name=name, backend="vllm")
    made.model_transaction_policy.decoupled = True
    inputs = {"text_input": "STRING", "stream": "BOOL", "sampling_parameters": "STRING"}
    inputs |= dict.fromkeys(("exclude_input_in_output", *FLAGS), "BOOL")
    for input_, datatype in inputs.items():
        made.input.add(name=input_, data_type=f"TYPE_{datatype}", dims=[1], optional=input_ != "text_input")
    for output in OUTPUTS:
        made.output.add(
            name=output, data_type="TYPE_UINT32" if output.startswith("num") else "TYPE_STRING", dims=[-1]
        )
    return made


def _counted(value: str) -> bytes:
    raw = value.encode()
    return len(raw).to_bytes(4, "little") + raw


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits a byte
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))
