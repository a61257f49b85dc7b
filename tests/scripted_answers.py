"""Answers of an HTTP/2 peer, good and bad ones, each with what it amounts to whatever the transport."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.errors import Reason
from tests import scripted_h2 as h2
from tests.scripted_h2 import body, frame, framed, goaway, head, trailers
from tests.scripted_triton import data, empty, error
from tests.two_transports import failed

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.scripted_h2 import Peer

A, B = data("a", final=False), data("b", final=True)
UNAVAILABLE, ERROR = Reason.BACKEND_UNAVAILABLE, Reason.BACKEND_ERROR


def answer(number: int) -> bytes:
    """Return a whole good answer."""
    return head(number) + body(number, A) + body(number, B) + trailers(number)


def answering(parts: Callable[[int], bytes], **settings: int) -> h2.Script:
    """Return a script: greet, then answer every request so."""

    async def script(peer: Peer) -> None:
        await peer.greet(**settings)
        while True:
            await peer.send(parts(await peer.request()))

    return script


def after_a_text(parts: Callable[[int], bytes], *, closing: bool = False) -> h2.Script:
    """Return a script: say a text and, once it was read, this."""

    async def script(peer: Peer) -> None:
        await peer.greet()
        number = await peer.request()
        await peer.send(head(number), body(number, A))
        await peer.heard.acquire()
        await peer.send(parts(number))
        if not closing:
            await peer.closed.wait()

    return script


def pairs(*items: tuple[str, str]) -> Callable[[int], bytes]:
    """Return an answer of one header block, the trailers."""
    return lambda number: frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, number, h2.block(*items))


GOOD = {
    "a whole answer at once": answering(answer),
    "an empty final response": answering(
        lambda n: head(n) + body(n, A) + body(n, data("b"), empty(final=True)) + trailers(n)
    ),
    "many messages in a frame": answering(lambda n: head(n) + body(n, A, B) + trailers(n)),
    "a message in many frames": answering(
        lambda n: (
            head(n)
            + b"".join(frame(h2.DATA, 0, n, bytes([byte])) for byte in framed(A) + framed(B))
            + trailers(n)
        )
    ),
    "a thousand empty frames": answering(
        lambda n: head(n) + body(n, A) + frame(h2.DATA, 0, n) * 1000 + body(n, B) + trailers(n)
    ),
    "unknown frames": answering(
        lambda n: frame(99, 255, n, b"x") + frame(h2.PRIORITY, 0, n, bytes(5)) + answer(n) + frame(98, 0, 0)
    ),
    "pings and settings in between": answering(
        lambda n: (
            head(n)
            + frame(h2.PING, 0, 0, b"12345678")
            + body(n, A)
            + h2.settings()
            + body(n, B)
            + trailers(n)
        )
    ),
    "a header block in pieces": answering(
        lambda n: (
            frame(h2.HEADERS, 0, n, b"\x88"[:0])
            + frame(h2.CONTINUATION, 0, n, b"\x88")
            + frame(h2.CONTINUATION, h2.END_HEADERS, n)
            + body(n, A, B)
            + trailers(n)
        )
    ),
    "headers of 7 KB": answering(lambda n: head(n, ("x", "y" * 7000)) + body(n, A, B) + trailers(n)),
    "no trailers after the final response": after_a_text(
        lambda n: body(n, data("b", final=True)) + frame(h2.DATA, h2.END_STREAM, n)
    ),
    "an error status after the final response": after_a_text(lambda n: body(n, B) + trailers(n, 13)),
    "GOAWAY in mid-stream, and the stream goes on": after_a_text(
        lambda n: goaway(n) + body(n, B) + trailers(n)
    ),
    "GOAWAY with an error, and the stream goes on": after_a_text(
        lambda n: goaway(n, 11) + body(n, B) + trailers(n)
    ),
    "GOAWAY twice, as servers take their leave": after_a_text(
        lambda n: goaway(2**31 - 1) + body(n, B) + goaway(n) + trailers(n)
    ),
}

BAD = {
    "trailers only": (
        answering(lambda n: head(n, ("grpc-status", "8"), ("grpc-message", "m"), end=True)),
        failed(reason=ERROR),
    ),
    "a status that means something, percent-coded": (
        answering(
            pairs(
                (":status", "200"), ("grpc-status", "5"), ("grpc-message", "unknown%20model is not%20found")
            )
        ),
        failed(reason=Reason.MODEL_NOT_FOUND, retry=True),
    ),
    "a status instead of HTTP's": (
        answering(pairs((":status", "503"), ("grpc-status", "8"))),
        failed(reason=ERROR),
    ),
    "no status": (after_a_text(pairs(("x", "y"))), failed("a", reason=ERROR)),
    "a status that is no number": (after_a_text(lambda n: trailers(n, "x")), failed("a", reason=ERROR)),
    "UNAVAILABLE after a text": (
        after_a_text(lambda n: trailers(n, 14)),
        failed("a", reason=UNAVAILABLE, retry=True),
    ),
    "OK without any data": (
        answering(lambda n: head(n) + trailers(n)),
        failed(reason=Reason.RESPONSE_TRUNCATED, retry=True),
    ),
    "an error message": (
        answering(lambda n: head(n) + body(n, error("Exceeds maximum queue size")) + trailers(n)),
        failed(reason=Reason.QUEUE_FULL, retry=True),
    ),
    "an answer that ends without trailers": (
        after_a_text(lambda n: frame(h2.DATA, h2.END_STREAM, n)),
        failed("a", reason=ERROR),
    ),
    "a compressed message": (
        after_a_text(lambda n: frame(h2.DATA, 0, n, framed(A, compressed=1)) + trailers(n)),
        failed("a", reason=ERROR),
    ),
    "bytes that are no message": (after_a_text(lambda n: body(n, b"\xff\xff")), failed("a", reason=ERROR)),
    "a message above the limit": (
        answering(lambda n: head(n) + body(n, data("x" * 5000)) + trailers(n)),
        failed(reason=ERROR),
    ),
    "headers of 60 KB": (
        answering(
            lambda n: (
                frame(h2.HEADERS, 0, n, h2.block((":status", "200"), ("x", "y" * 12000)))
                + frame(h2.CONTINUATION, 0, n, h2.block(("z", "y" * 12000))) * 3
                + frame(h2.CONTINUATION, h2.END_HEADERS, n, h2.block(("z", "y" * 12000)))
                + body(n, A, B)
                + trailers(n)
            )
        ),
        failed(reason=ERROR),
    ),
    "trailers of 24 KB": (
        after_a_text(
            lambda n: (
                frame(h2.HEADERS, h2.END_STREAM, n, h2.block(("grpc-status", "0"), ("x", "y" * 12000)))
                + frame(h2.CONTINUATION, h2.END_HEADERS, n, h2.block(("z", "y" * 12000)))
            )
        ),
        failed("a", reason=ERROR),
    ),
    "garbage after the greeting": (answering(lambda _: b"\xff" * 64), failed(reason=ERROR)),
    "garbage after a text": (after_a_text(lambda _: b"\xff" * 64), failed("a", reason=ERROR)),
    "a header block that cannot be decoded": (
        answering(lambda n: frame(h2.HEADERS, h2.END_HEADERS, n, b"\xff" * 8)),
        failed(reason=ERROR),
    ),
    "an interrupted header block": (
        answering(lambda n: frame(h2.HEADERS, 0, n, b"\x88") + body(n, A)),
        failed(reason=ERROR),
    ),
    "a PING of seven bytes": (
        after_a_text(lambda _: frame(h2.PING, 0, 0, bytes(7))),
        failed("a", reason=ERROR),
    ),
    "SETTINGS of three bytes": (
        after_a_text(lambda _: frame(h2.SETTINGS, 0, 0, bytes(3))),
        failed("a", reason=ERROR),
    ),
    "a frame size that HTTP/2 forbids": (
        after_a_text(lambda _: h2.settings(max_frame_size=1)),
        failed("a", reason=ERROR),
    ),
    "a WINDOW_UPDATE of nothing": (after_a_text(lambda _: h2.window_update(0, 0)), failed("a", reason=ERROR)),
    "GOAWAY that forgets a stream in the middle": (
        after_a_text(lambda _: goaway(0)),
        failed("a", reason=UNAVAILABLE, retry=True),
    ),
    "GOAWAY on every connection": (answering(lambda _: goaway(0)), failed(reason=UNAVAILABLE, retry=True)),
    "a closed connection": (
        after_a_text(lambda _: b"", closing=True),
        failed("a", reason=UNAVAILABLE, retry=True),
    ),
}
