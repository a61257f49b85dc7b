"""What a worker sends of a generation is what the front end reads, in any form, and no gap passes unseen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import BridgeError
from bridge.protocol import icp, kserve
from bridge.protocol.icp_answer import Answer
from bridge.protocol.icp_batches import ENVELOPE, Outgoing, Refilled

if TYPE_CHECKING:
    from bridge.protocol.alike import Received

OUTPUT = "text_output"


def response(text: str) -> kserve.ModelInferResponse:
    made = kserve.ModelInferResponse(model_name="m")
    made.outputs.add(name=OUTPUT, datatype="BYTES", shape=[1])
    encoded = text.encode()
    made.raw_output_contents.append(len(encoded).to_bytes(4, "little") + encoded)
    return made


def text_of(received: Received) -> str:
    return (received if isinstance(received, bytes) else received.raw_output_contents[0][4:]).decode()


def accepted(batch: int) -> Answer:
    opening = icp.Opening(request_id="r-1", inbox="_INBOX_icp.f.1", component_id="f", batch=batch)
    answer = Answer("m")
    assert answer.take(icp.acceptance(opening, "w")) == ([], None)
    assert answer.component_id == "w"
    return answer


def outgoing(batch: int = 4, *, texts: bool = True, max_payload: int = 1 << 20) -> Outgoing:
    return Outgoing(OUTPUT, batch=batch, texts=texts, max_payload=max_payload)


def as_received(words: list[tuple[str, bool]]) -> list[Received]:
    """Return responses; those that are marked are texts alone, the first one never is."""
    return [word.encode() if alone and at else response(word) for at, (word, alone) in enumerate(words)]


WORDS = st.lists(st.tuples(st.text(max_size=20), st.booleans()), max_size=30)


@given(WORDS, st.sampled_from([1, 2, 5, 100]), st.booleans(), st.integers(1, 40))
def test_what_is_sent_is_what_is_read(
    words: list[tuple[str, bool]], batch: int, texts: bool, credit: int
) -> None:
    sender, answer, read = outgoing(batch, texts=texts), accepted(batch), list[str]()
    sender.add(as_received(words))
    while sender:
        before = len(sender)
        found, end = answer.take(sender.take(credit))
        assert 0 < before - len(sender) <= min(batch, credit)
        assert end is None
        read += map(text_of, found)
    assert answer.take(sender.last(icp.final("r-1")))[1] is not None
    assert read == [word for word, _ in words]
    assert answer.next_seq == sender.sent == len(words) + 1
    assert not sender.size


@given(st.integers(2, 12), st.data(), st.sampled_from([1, 4]), st.booleans())
def test_a_message_that_is_missing_is_an_error(
    count: int, data: st.DataObject, batch: int, alone: bool
) -> None:
    lost = data.draw(st.integers(0, count - 2))
    sender, answer, messages = outgoing(batch), accepted(batch), list[bytes]()
    for one in as_received([("x", alone)] * count):
        sender.add([one])
        messages.append(sender.take(1))
    for message in messages[:lost]:
        answer.take(message)
    with pytest.raises(BridgeError, match="lost"):
        answer.take(messages[lost + 1])


def test_a_text_before_any_response_cannot_be_read() -> None:
    sender, answer = outgoing(), accepted(4)
    sender.add([b"text"])
    with pytest.raises(BridgeError, match="cannot be read"):
        answer.take(sender.take(1))


def test_texts_go_alone_only_where_they_are_asked_for() -> None:
    alone, whole = outgoing(), outgoing(texts=False)
    for sender in (alone, whole):
        sender.add([response("a"), *[b"b"] * 3])
    assert len(alone.take(4)) < len(whole.take(4)) / 2


def test_a_message_is_no_larger_than_it_may_be() -> None:
    sender, answer = outgoing(64, max_payload=ENVELOPE + 300), accepted(64)
    sender.add([response("x" * 100) for _ in range(5)])
    sizes = []
    while sender:
        message = sender.take(64)
        sizes.append(len(message))
        answer.take(message)
    assert len(sizes) == 3
    assert max(sizes) <= ENVELOPE + 300


def test_a_response_that_is_too_large_is_told() -> None:
    sender = outgoing(max_payload=ENVELOPE + 300)
    sender.add([response("x" * 400)])
    assert sender.take(1) == b""
    sender.clear()
    assert (len(sender), sender.size, sender.sent) == (0, 0, 0)


def test_a_text_alone_is_put_into_the_response_before_it() -> None:
    refilled, first = Refilled(OUTPUT), response("one")
    sent = [refilled.serialized(one) for one in (first, b"two", b"three", response("four"), b"")]
    read = [kserve.ModelInferResponse.FromString(one) for one in sent]
    assert list(map(text_of, read)) == ["one", "two", "three", "four", ""]
    assert first == response("one"), "the response that was received was changed"
