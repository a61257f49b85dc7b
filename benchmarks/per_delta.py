"""What the bridge's own code costs per streamed token, without sockets: `python benchmarks/per_delta.py`.

One response of a vLLM model (text, finish reason and token counts) goes the way of a token: parsed,
read, made into a message, rendered as SSE and serialized for gRPC. Figures are the best of several
runs, in microseconds of CPU, and as a ratio to parsing alone, which no implementation can avoid.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from openai_bridge.v1 import chat_pb2

from bridge.config import builtin
from bridge.protocol import kserve, tensors
from bridge.protocol.chat import chat_exchange
from bridge.protocol.chat_template import ChatTemplate
from bridge.protocol.model import Model
from bridge.protocol.signature import Signature, TensorSpec
from bridge.protocol.sse import ChatRenderer
from bridge.protocol.translators import choose

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS, TOKENS = 7, 20_000
INPUTS = ("text_input", "stream", "sampling_parameters", "return_finish_reason", "return_num_input_tokens",
          "return_num_output_tokens")  # fmt: skip


def main() -> None:
    """Print the table."""
    raw = _response().SerializeToString()
    parse = _best(lambda: _each(raw, lambda _: None))
    rows = [("parse the response (floor)", parse)]
    for name, finish in (
        ("to SSE bytes", ChatRenderer(include_usage=False).render),
        ("to protobuf bytes", _serialize),
    ):
        exchange = _exchange()
        rows.append((name, _best(lambda e=exchange, f=finish: _each(raw, lambda r: f(e.feed(0, (r,)))))))
    print(f"{'us of CPU per token':32}{'us':>8}{'ratio':>8}")
    for name, seconds in rows:
        print(f"{name:32}{seconds * 1e6:8.2f}{seconds / parse:8.1f}")


def _each(raw: bytes, use: Callable[[kserve.ModelInferResponse], object]) -> None:
    parse = kserve.ModelStreamInferResponse.FromString
    for _ in range(TOKENS):
        use(parse(raw).infer_response)


def _serialize(messages: object) -> None:
    for message in messages:
        message.SerializeToString()


def _best(run: Callable[[], None]) -> float:
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        run()
        times.append((time.process_time() - start) / TOKENS)
    return min(times)


def _exchange():
    strings = {
        name: TensorSpec(name, "BYTES" if name in {"text_input", "sampling_parameters"} else "BOOL", (1,))
        for name in INPUTS
    }
    outputs = {name: TensorSpec(name, "BYTES", (-1,)) for name in ("text_output", "finish_reason")}
    counts = {name: TensorSpec(name, "UINT32", (-1,)) for name in ("num_input_tokens", "num_output_tokens")}
    signature = Signature(name="m", decoupled=True, inputs=strings, outputs=outputs | counts, parameters={})
    template = builtin("chatml")
    model = Model(
        id="m",
        created=0,
        translator=choose(signature),
        template=ChatTemplate(template.source, template.special_tokens),
    )
    message = chat_pb2.ChatMessage(role=chat_pb2.ROLE_USER, content=[chat_pb2.ContentPart(text="hi")])
    request = chat_pb2.CreateChatCompletionRequest(model="m", messages=[message])
    return chat_exchange(
        request,
        model,
        completion_id="chatcmpl-" + "0" * 32,
        request_id="r",
        now=datetime.now(UTC),
        streaming=True,
        obfuscate=str,
        call_id=str,
    )


def _response() -> kserve.ModelStreamInferResponse:
    reply = kserve.ModelStreamInferResponse()
    response = reply.infer_response
    response.model_name, response.model_version, response.id = "m", "1", "r:0"
    response.parameters[kserve.FINAL_RESPONSE].bool_param = False
    for name, datatype, values in (
        ("text_output", "BYTES", [" token"]),
        ("finish_reason", "BYTES", ["None"]),
        ("num_input_tokens", "UINT32", [20]),
        ("num_output_tokens", "UINT32", [1]),
    ):
        response.outputs.add(name=name, datatype=datatype, shape=[1])
        response.raw_output_contents.append(tensors.pack(datatype, values))
    return reply


if __name__ == "__main__":
    main()
