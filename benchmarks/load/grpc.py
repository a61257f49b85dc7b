"""The gRPC client: one HTTP/2 connection per stream, frames only looked at as far as a call's end needs it.

Its header blocks use no table, its windows are as wide as HTTP/2 allows, so that it never waits.
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Final, cast

from hpack import Decoder
from openai_bridge.v1 import chat_pb2
from tritonclient.grpc import service_pb2

from benchmarks.load import checks
from benchmarks.load.client import Asking
from benchmarks.load.http import PROMPT
from benchmarks.mock_triton import frames
from benchmarks.mock_triton.answers import FLAGS
from benchmarks.mock_triton.frames import Kind

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from benchmarks.load.outcome import Answer

TRITON: Final = "/inference.GRPCInferenceService/ModelStreamInfer"
CHAT: Final = "/openai_bridge.v1.ChatService/CreateChatCompletionStream"
_WIDE: Final = 2**31 - 1
_GREETING: Final = (
    frames.PREFACE
    + frames.settings(initial_window_size=_WIDE)
    + frames.window_update(0, _WIDE - frames.DEFAULT_WINDOW)
)


@cache
def chat_request(model: str, tokens: int) -> bytes:
    """Return the request of the gRPC door."""
    part = chat_pb2.ContentPart(text=PROMPT)
    message = chat_pb2.ChatMessage(role=chat_pb2.ROLE_USER, content=[part])
    request = chat_pb2.CreateChatCompletionRequest(
        model=model, messages=[message], max_completion_tokens=tokens
    )
    return request.SerializeToString()


@cache
def triton_request(model: str, tokens: int) -> bytes:
    """Return the request that the bridge would make of `chat_request`."""
    request = service_pb2.ModelInferRequest(model_name=model, id="0123456789abcdef0123456789abcdef")
    values = {"text_input": PROMPT.encode(), "sampling_parameters": b'{"max_tokens":%d}' % tokens}
    for name, value in values.items():
        request.inputs.add(name=name, datatype="BYTES", shape=[1])
        request.raw_input_contents.append(len(value).to_bytes(4, "little") + value)
    for name in ("stream", *FLAGS):
        request.inputs.add(name=name, datatype="BOOL", shape=[1])
        request.raw_input_contents.append(b"\1")
    return bytes(request.SerializeToString())


def chat_text(message: bytes) -> str:
    """Return the text of a message of the gRPC door."""
    chunk = chat_pb2.CreateChatCompletionStreamResponse.FromString(message)
    return "".join(choice.delta.content for choice in chunk.choices)


def triton_text(message: bytes) -> str:
    """Return the text of a message of Triton's."""
    reply = service_pb2.ModelStreamInferResponse.FromString(message)
    if reply.error_message:
        return str(reply.error_message)  # no numbered token: the answer is not whole
    response = reply.infer_response
    names = [output.name for output in response.outputs]
    raw: bytes = response.raw_output_contents[names.index("text_output")]
    return raw[4:].decode()


class GrpcConnection(Asking):
    """One connection."""

    def __init__(self, path: str, build: Callable[[int], bytes], text_of: Callable[[bytes], str]) -> None:
        """Prepare to make a call again and again.

        Args:
            path: /SERVICE/METHOD.
            build: returns the serialised request for so many tokens.
            text_of: reads a message of the answer.
        """
        super().__init__()
        self._block = frames.literal(
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "localhost"),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            ("user-agent", "openai-bridge-bench"),
        )
        self._build = build
        self._text_of = text_of
        self._number = -1
        self._tail = b""
        self._fields: dict[str, str] = {}
        self._decoder = Decoder()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet. The first call waits for the answer: grpcio's server hangs if all comes in one segment."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(_GREETING)

    def request(self, tokens: int) -> bytes:
        """See `Asking`."""
        self._number += 2
        self._fields = {}
        body = frames.message(self._build(tokens))
        head = frames.frame(Kind.HEADERS, frames.END_HEADERS, self._number, self._block)
        return head + frames.frame(Kind.DATA, frames.END_STREAM, self._number, body)

    def check(self, answer: Answer) -> str:
        """See `Asking`."""
        return checks.grpc(b"".join(answer.pieces), answer.tokens, self._text_of)

    def data_received(self, data: bytes) -> None:
        """Take what one read brought."""
        if self._tail:
            data = self._tail + data
        at, size, payloads, ended = 0, len(data), [], False
        while at + frames.HEAD <= size:
            length, kind, flags, number = frames.read_head(data, at)
            begin = at + frames.HEAD
            if begin + length > size:
                break
            at = begin + length
            if kind == Kind.DATA:
                payloads.append(data[begin:at])
            else:
                self._other(kind, flags, data[begin:at])
            ended = ended or (number == self._number and self._ends(kind, flags))
        self._tail = data[at:]
        if payloads:
            self.take(b"".join(payloads))
        if ended:
            self._end()

    def _ends(self, kind: int, flags: int) -> bool:
        return kind == Kind.RST_STREAM or (
            kind in {Kind.HEADERS, Kind.DATA} and bool(flags & frames.END_STREAM)
        )

    def _end(self) -> None:
        if self._fields.get("grpc-status") == "0":
            self.complete()
        else:
            self.fail(f"gRPC status {self._fields.get('grpc-status')}: {self._fields.get('grpc-message')}")

    def _other(self, kind: int, flags: int, payload: bytes) -> None:
        if kind == Kind.HEADERS:
            fields = self._decoder.decode(frames.unpadded(flags, payload))
            self._fields |= {str(name): str(value) for name, value in fields}
        elif kind in {Kind.PING, Kind.SETTINGS} and not flags & frames.ACK:
            echo = payload if kind == Kind.PING else b""
            self._transport.write(frames.frame(Kind(kind), frames.ACK, 0, echo))
            if not self.ready.done():
                self.ready.set_result(None)


def chat(model: str) -> GrpcConnection:
    """Return a connection to the bridge's gRPC door."""
    return GrpcConnection(CHAT, partial(chat_request, model), chat_text)


def triton(model: str) -> GrpcConnection:
    """Return a connection to Triton itself."""
    return GrpcConnection(TRITON, partial(triton_request, model), triton_text)
