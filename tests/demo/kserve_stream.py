"""One request to a real Triton by its own stubs, as the bridge sends it, and what came back."""

from __future__ import annotations

import json
import struct
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
from tritonclient.grpc import service_pb2, service_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TIMEOUT = 20.0
FORMATS = {"FP32": "<f", "UINT32": "<I", "INT32": "<i"}


@dataclass(frozen=True, slots=True)
class Reply:
    """One message of the stream: outputs by name, each a list."""

    outputs: dict[str, list[Any]]
    shapes: dict[str, list[int]]
    final: bool
    error: str

    @property
    def text(self) -> bytes:
        return b"".join(self.outputs.get("text_output", []))


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[service_pb2_grpc.GRPCInferenceServiceStub]:
    async with grpc.aio.insecure_channel(address) as channel:
        yield service_pb2_grpc.GRPCInferenceServiceStub(channel)


def request(model: str, text: str, /, sampling: dict[str, Any] | None = None, **flags: Any) -> Any:
    """Build a request of `[1]` tensors: text_input, the sampling parameters, booleans and integers."""
    message = service_pb2.ModelInferRequest(model_name=model)
    message.parameters["triton_enable_empty_final_response"].bool_param = True
    inputs = {"text_input": text} | flags
    if sampling is not None:
        inputs["sampling_parameters"] = json.dumps(sampling)
    for name, value in inputs.items():
        datatype, raw = _packed(value)
        message.inputs.add(name=name, datatype=datatype, shape=[1])
        message.raw_input_contents.append(raw)
    return message


def call(stub: service_pb2_grpc.GRPCInferenceServiceStub, message: Any) -> Any:
    """Start a stream with one request and half-close it."""

    async def only() -> AsyncIterator[Any]:
        yield message

    return stub.ModelStreamInfer(only(), timeout=TIMEOUT)


async def replies(address: str, message: Any) -> list[Reply]:
    """Send one request and return all that comes back."""
    async with connected(address) as stub:
        return [reply(response) async for response in call(stub, message)]


def reply(response: Any) -> Reply:
    inferred = response.infer_response
    pairs = list(zip(inferred.outputs, inferred.raw_output_contents, strict=True))
    return Reply(
        outputs={output.name: _unpacked(output.datatype, raw) for output, raw in pairs},
        shapes={output.name: list(output.shape) for output, _ in pairs},
        final=inferred.parameters["triton_final_response"].bool_param,
        error=response.error_message,
    )


def _packed(value: object) -> tuple[str, bytes]:
    if isinstance(value, bool):
        return "BOOL", bytes([value])
    if isinstance(value, int):
        return "INT32", struct.pack("<i", value)
    encoded = str(value).encode()
    return "BYTES", struct.pack("<I", len(encoded)) + encoded


def _unpacked(datatype: str, raw: bytes) -> list[Any]:
    if datatype in FORMATS:
        return [value for (value,) in struct.iter_unpack(FORMATS[datatype], raw)]
    values, start = [], 0
    while start < len(raw):
        (length,) = struct.unpack_from("<I", raw, start)
        values.append(raw[start + 4 : start + 4 + length])
        start += 4 + length
    return values
