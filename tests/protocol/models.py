"""Models for tests without a Triton: their signatures, and the responses that such models send."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from google.protobuf import text_format

from bridge.chat_templates import builtin_source, builtin_tokens
from bridge.protocol import tensors
from bridge.protocol.chat_template import ChatTemplate
from bridge.protocol.kserve import ModelConfig, ModelInferRequest, ModelInferResponse
from bridge.protocol.model import Model
from bridge.protocol.signature import Signature, TensorSpec
from bridge.protocol.translators import choose
from bridge.protocol.translators.typed_inputs import Overrides
from tests.tritonserver import MODELS

if TYPE_CHECKING:
    from collections.abc import Sequence

CREATED = 1_700_000_000
NO_OVERRIDES = Overrides()


def standin(name: str) -> Signature:
    """Return the signature of a model of tests/models, as Triton reports it."""
    config = text_format.Parse((MODELS / name / "config.pbtxt").read_text(), ModelConfig())
    config.name = name
    return Signature.from_config(config)


def tensor(
    name: str, datatype: str = "BYTES", dims: tuple[int, ...] = (1,), *, optional: bool = True
) -> TensorSpec:
    return TensorSpec(name, datatype, dims, optional)


def declared(*inputs: TensorSpec, outputs: Sequence[str] = ("text_output",), **rest: Any) -> Signature:
    """Return the signature of a model `m` with these inputs and BYTES outputs."""
    settings: dict[str, Any] = {"name": "m", "decoupled": True, "parameters": {}} | rest
    return Signature(
        inputs={spec.name: spec for spec in inputs},
        outputs={name: TensorSpec(name, "BYTES", (-1,)) for name in outputs},
        **settings,
    )


def served(
    signature: Signature | str,
    template: str | None = None,
    overrides: Overrides = NO_OVERRIDES,
    **settings: Any,
) -> Model:
    """Return the model that the bridge would serve.

    Args:
        signature: or the name of a stand-in.
        template: Jinja text; None is the built-in chatml.
        overrides: what the operator says of its tensors.
        settings: further fields of `Model`.
    """
    found = standin(signature) if isinstance(signature, str) else signature
    source, tokens = (template, {}) if template else (builtin_source("chatml"), builtin_tokens("chatml"))
    return Model(
        id=found.name,
        created=CREATED,
        translator=choose(found, overrides=overrides),
        template=ChatTemplate(source, tokens),
        **settings,
    )


def says(text: str | bytes = b"", **outputs: Any) -> ModelInferResponse:
    """Return a response with `text_output` and other outputs, each of the type of its value."""
    response = ModelInferResponse(model_name="m")
    for name, value in {"text_output": text, **outputs}.items():
        datatype = {str: "BYTES", bytes: "BYTES", bool: "BOOL", int: "UINT32", float: "FP32"}[type(value)]
        response.outputs.add(name=name, datatype=datatype, shape=[1])
        response.raw_output_contents.append(tensors.pack(datatype, [value]))
    return response


def sent(request: ModelInferRequest) -> dict[str, list[Any]]:
    """Return the elements of each input of a request by name."""
    values: dict[str, list[Any]] = {}
    for spec, raw in zip(request.inputs, request.raw_input_contents, strict=True):
        if spec.datatype == "BYTES":
            values[spec.name] = [item.decode() for item in tensors.byte_strings(raw)]
        else:
            form = struct.Struct(f"<{tensors.FORMATS[spec.datatype]}")
            values[spec.name] = [item[0] for item in form.iter_unpack(raw)]
    return values
