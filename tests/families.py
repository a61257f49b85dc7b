"""A real Triton with one model of every family, for the tests of tensor layouts.

Its models are in tests/models/families and are not part of the repository that most tests share: a server
with all of them would start twice as slowly. Tests import the fixture `families`.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import grpc
import pytest
from google.protobuf import text_format

from bridge.protocol import kserve, tensors
from bridge.protocol.signature import Signature
from tests.tritonserver import CACHES, MODELS, RunningTriton, start_triton

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

FAMILIES: Final = MODELS / "families"
SHARED: Final = ("echo_vllm", "plain", "batched")
"""Models that most tests share, for the families vllm and text."""
WAIT: Final = 10.0
"""Deadline in seconds of every call: nothing may hang."""


@pytest.fixture(scope="session")
def families(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTriton]:
    """Serve the models of tests/models/families, and `SHARED`, on a tritonserver of their own."""
    tmp = tmp_path_factory.mktemp("families")
    with start_triton(tmp, *SHARED, *add_models(tmp / "repository"), lasting=True) as running:
        yield running


ENSEMBLE: Final = ("preprocessing", "tensorrt_llm", "postprocessing", "ensemble")
"""The ensemble and its steps."""


@pytest.fixture(scope="session")
def resting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTriton]:
    """Serve what a cancel does not reach on a server of its own: others may cancel an ensemble for good."""
    tmp = tmp_path_factory.mktemp("resting")
    names = (*ENSEMBLE, "tensorrt_llm_bls", "text_ensemble")
    add_models(tmp / "repository", names)
    with start_triton(tmp, "batched", *names, lasting=True) as running:
        yield running


def add_models(repository: Path, wanted: Sequence[str] = ()) -> list[str]:
    """Copy the models of the families, or only those wanted, into a repository; return their names."""
    names = sorted(wanted or (config.parent.name for config in FAMILIES.glob("*/config.pbtxt")))
    for name in names:
        shutil.copytree(FAMILIES / name, repository / name, ignore=CACHES)
        for version in {"1"} | {path.name for path in (FAMILIES / name).glob("[0-9]")}:
            shutil.copytree(MODELS / "standin", repository / name / version / "standin", ignore=CACHES)
    return names


def family_signature(name: str, *, decoupled: bool | None = None) -> Signature:
    """Return the signature of a model of tests/models/families as its configuration has it.

    Args:
        name: of the model.
        decoupled: what Triton reports where the file says nothing: an ensemble is what its steps are.
    """
    config = text_format.Parse((FAMILIES / name / "config.pbtxt").read_text(), kserve.ModelConfig())
    config.name = name
    if decoupled is not None:
        config.model_transaction_policy.decoupled = decoupled
    return Signature.from_config(config)


def told(**directive: Any) -> str:
    """Return a prompt for the stand-in models; tests/models/README.md tells the keys."""
    return f"Say something. @@{json.dumps(directive)}"


def received(triton: RunningTriton, tag: str, model: str) -> list[dict[str, Any]]:
    """Return what a stand-in recorded of the requests with a tag; sampling parameters are unpacked."""
    found = [event for event in triton.events(tag) if (event["event"], event["model"]) == ("request", model)]
    for event in found:
        if sampling := event["inputs"].pop("sampling_parameters", None):
            event["inputs"] |= {name: [value] for name, value in json.loads(sampling[0]).items()}
    return found


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a ModelStreamInfer, as Triton sent it."""

    outputs: dict[str, list[Any]]
    shapes: dict[str, list[int]]
    error: str
    final: bool

    @property
    def text(self) -> str:
        """The answer's part of this message."""
        return "".join(self.outputs.get("text_output", []))


async def messages(address: str, model: str, request_id: str = "r1", **values: Any) -> list[Message]:
    """Ask a model by its own inputs, each a value or a list of them, and return all that comes back."""
    async with grpc.aio.insecure_channel(address) as channel:
        stub = kserve.GRPCInferenceServiceStub(channel)
        answer = await stub.ModelConfig(kserve.ModelConfigRequest(name=model), timeout=WAIT)
        signature = Signature.from_config(answer.config)
        elements = {name: value if isinstance(value, list) else [value] for name, value in values.items()}
        request = signature.request(elements, request_id=request_id, outputs=signature.outputs)
        call = stub.ModelStreamInfer(iter((request,)), timeout=WAIT)
        return [_message(reply) async for reply in call]


def _message(reply: kserve.ModelStreamInferResponse) -> Message:
    response = reply.infer_response
    pairs = list(zip(response.outputs, response.raw_output_contents, strict=True))
    return Message(
        outputs={output.name: _elements(output.datatype, raw) for output, raw in pairs},
        shapes={output.name: list(output.shape) for output, _ in pairs},
        error=reply.error_message,
        final=response.parameters[kserve.FINAL_RESPONSE].bool_param,
    )


def _elements(datatype: str, raw: bytes) -> list[Any]:
    if datatype == "BYTES":
        return [element.decode() for element in tensors.byte_strings(raw)]
    return list(tensors.numbers(datatype, raw))
