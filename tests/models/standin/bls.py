"""TensorRT-LLM's business logic script: calls preprocessing, engine and postprocessing inside `execute`.

It therefore serves one request at a time, never asks whether it is cancelled, and keeps its request's id to
itself. Every end is a final flag of its own, also after an error.
"""

from __future__ import annotations

import json
import traceback
import uuid
from typing import TYPE_CHECKING, Any

import numpy as np
import triton_python_backend_utils as pb_utils
from standin import directive, tensors
from standin.answer import FINAL
from standin.records import Records

if TYPE_CHECKING:
    from collections.abc import Iterator

TRUE = ("true", "yes", "1", "t")
TO_PREPROCESSING = {
    "text_input": "QUERY",
    "max_tokens": "REQUEST_OUTPUT_LEN",
    "bad_words": "BAD_WORDS_DICT",
    "stop_words": "STOP_WORDS_DICT",
}
TO_ENGINE = {
    "temperature": "temperature",
    "top_p": "runtime_top_p",
    "top_k": "runtime_top_k",
    "min_tokens": "min_tokens",
    "repetition_penalty": "repetition_penalty",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "seed": "seed",
    "guided_decoding_guide_type": "guided_decoding_guide_type",
    "guided_decoding_guide": "guided_decoding_guide",
    "stream": "streaming",
    "exclude_input_in_output": "exclude_input_in_output",
    "return_num_input_tokens": "return_num_input_tokens",
    "return_num_output_tokens": "return_num_output_tokens",
}
FROM_PREPROCESSING = {
    "INPUT_ID": "input_ids",
    "REQUEST_INPUT_LEN": "input_lengths",
    "REQUEST_OUTPUT_LEN": "request_output_len",
    "BAD_WORDS_IDS": "bad_words_list",
    "STOP_WORDS_IDS": "stop_words_list",
}
COUNTS = ("num_input_tokens", "num_output_tokens")

Arrays = dict[str, Any]


class BlsModel:
    """The model of both configurations: `accumulate_tokens` makes its text cumulative."""

    def initialize(self, args: dict[str, str]) -> None:
        parameters = json.loads(args["model_config"])["parameters"]
        self._accumulate = parameters["accumulate_tokens"]["string_value"].lower() in TRUE
        self._engine = parameters["tensorrt_llm_model_name"]["string_value"]
        self._records = Records(args["model_name"])

    def execute(self, requests: list[Any]) -> None:
        for request in requests:
            sender = request.get_response_sender()
            try:
                for response in self._responses(request):
                    sender.send(response)
            except Exception:  # noqa: BLE001 - whatever it is, its traceback is the error text
                sender.send(tensors.error(traceback.format_exc()))
            sender.send(flags=FINAL)

    def _responses(self, request: Any) -> Iterator[Any]:
        wish = self._recorded(request)
        given = {tensor.name(): tensor.as_numpy() for tensor in request.inputs()}
        if int(given["max_tokens"].reshape(-1)[0]) < 1:
            raise ValueError("max_tokens must be a single value > 0")
        inner = str(uuid.uuid4())
        tokens = _one("preprocessing", _renamed(given, TO_PREPROCESSING), tuple(FROM_PREPROCESSING), inner)
        inputs = _renamed(given, TO_ENGINE) | _renamed(tokens, FROM_PREPROCESSING)
        ids = np.zeros((1, 1, 0), dtype=np.int32)
        for index, generated in enumerate(_all(self._engine, inputs, inner)):
            fresh = generated["output_ids"]
            ids = np.concatenate((ids, fresh), axis=2) if self._accumulate else fresh
            tokens = {"TOKENS_BATCH": ids, "SEQUENCE_LENGTH": np.array([[ids.shape[2]]], dtype=np.int32)}
            text = _one("postprocessing", tokens, ("OUTPUT",), inner)
            outputs = {"text_output": text["OUTPUT"]} | {n: generated[n] for n in COUNTS if n in generated}
            yield tensors.response(*(pb_utils.Tensor(name, array) for name, array in outputs.items()))
            if index + 1 == wish.fail_at:
                # Triton 2.51 never shows a script the error of a model after data: ours comes first.
                raise RuntimeError(wish.error)

    def _recorded(self, request: Any) -> directive.Directive:
        inputs = tensors.received(request)
        wish, _ = directive.parse(inputs["text_input"][0])
        who = {"request_id": request.request_id(), "tag": wish.tag}
        self._records.write("request", inputs=inputs, parameters=request.parameters(), **who)
        return wish


def _renamed(arrays: Arrays, names: dict[str, str]) -> Arrays:
    """Return the arrays that have a name for the next model, those of no dimension as `[1, 1]`."""
    return {
        names[name]: array.reshape(1, -1) if array.ndim < 2 else array
        for name, array in arrays.items()
        if name in names
    }


def _one(model: str, inputs: Arrays, outputs: tuple[str, ...], request_id: str) -> Arrays:
    return _arrays(_request(model, inputs, outputs, request_id).exec(decoupled=False))


def _all(engine: str, inputs: Arrays, request_id: str) -> Iterator[Arrays]:
    outputs = ("output_ids", "sequence_length", *COUNTS)
    for response in _request(engine, inputs, outputs, request_id).exec(decoupled=True):
        arrays = _arrays(response)
        if arrays:
            yield arrays


def _request(model: str, inputs: Arrays, outputs: tuple[str, ...], request_id: str) -> Any:
    made = [pb_utils.Tensor(name, array) for name, array in inputs.items()]
    return pb_utils.InferenceRequest(
        model_name=model, inputs=made, request_id=request_id, requested_output_names=list(outputs)
    )


def _arrays(response: Any) -> Arrays:
    if response.has_error():
        raise pb_utils.TritonModelException(response.error().message())
    return {tensor.name(): tensor.as_numpy() for tensor in response.output_tensors()}
