"""Messages of NATS are found in what is read however it is cut; nothing that is written is two commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.protocol.nats_wire import (
    STATUS,
    Message,
    Reader,
    publication,
    subscription,
    unsubscription,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_characters="\x7f"), min_size=1)
SUBJECTS = WORDS.filter(lambda word: not any(map(str.isspace, word)))
VALUES = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=10)
MESSAGES = st.builds(
    Message,
    subject=SUBJECTS,
    reply=st.one_of(st.just(""), SUBJECTS),
    data=st.binary(max_size=60),
    headers=st.one_of(
        st.none(), st.dictionaries(st.from_regex(r"[a-z-]{1,8}", fullmatch=True), VALUES, min_size=1)
    ),
)


def arrived(sid: bytes, message: Message) -> bytes:
    """Return what a server makes of a publication: the subscription's id comes behind the subject."""
    command, _, rest = publication(message.subject, message.data, message.reply, message.headers).partition(
        b" "
    )
    subject, _, rest = rest.partition(b" ")
    return {b"PUB": b"MSG", b"HPUB": b"HMSG"}[command] + b" " + subject + b" " + sid + b" " + rest


def read(data: bytes, cuts: Iterable[int]) -> tuple[list[tuple[bytes, Message]], bytes]:
    reader, at, messages, rest = Reader(), 0, list[tuple[bytes, Message]](), b""
    for end in [*sorted(cut % (len(data) + 1) for cut in cuts), len(data)]:
        found, more = reader.feed(data[at:end])
        messages, rest, at = messages + found, rest + more, end
    return messages, rest


@given(st.lists(st.tuples(MESSAGES, st.booleans()), max_size=8), st.lists(st.integers(0, 5000), max_size=20))
def test_messages_are_found_however_they_are_cut(sent: list[tuple[Message, bool]], cuts: list[int]) -> None:
    parts, rest, expected = [b"INFO {}\r\n"], [b"INFO {}\r\n"], []
    for message, ours in sent:
        sid = b"b7" if ours else b"7"
        part = arrived(sid, message)
        parts += [part, b"PING\r\n"]
        rest += [b"PING\r\n"] if ours else [part, b"PING\r\n"]
        if ours:
            expected.append((sid, message))
    assert read(b"".join(parts), cuts) == (expected, b"".join(rest))


def test_a_large_message_is_looked_for_once_it_is_there() -> None:
    message = arrived(b"b1", Message("a", "", bytes(1 << 20)))
    reader, found = Reader(), []
    for at in range(0, len(message), 1000):
        messages, rest = reader.feed(message[at : at + 1000])
        assert rest == b""
        found += messages
    assert [len(one.data) for _, one in found] == [1 << 20]


@pytest.mark.parametrize(
    ("head", "headers"),
    [
        pytest.param(b"NATS/1.0 503\r\n\r\n", {STATUS: "503"}, id="nobody listens"),
        pytest.param(b"NATS/1.0 503 No Responders\r\n\r\n", {STATUS: "503"}, id="and why"),
        pytest.param(b"NATS/1.0\r\nA: 1\r\nb:2\r\n\r\n", {"A": "1", "b": "2"}, id="headers"),
        pytest.param(b"NATS/1.0\r\nno colon\r\n\r\n", {}, id="no header"),
        pytest.param(b"NATS/1.0\r\na: \xff\r\n\r\n", {"a": "\ufffd"}, id="no UTF-8"),
    ],
)
def test_headers_and_the_brokers_word_are_read(head: bytes, headers: dict[str, str]) -> None:
    data = b"HMSG a b1 %d %d\r\n%bxy\r\n" % (len(head), len(head) + 2, head)
    assert Reader().feed(data) == ([(b"b1", Message("a", "", b"xy", headers))], b"")


def test_a_subject_that_is_no_text_is_read_all_the_same() -> None:
    ((_, message),), _ = Reader().feed(b"MSG \xff b1 1\r\nx\r\n")
    assert (message.subject, message.data) == ("\ufffd", b"x")


@pytest.mark.parametrize("line", [b"MSG a b1 x", b"MSG a b1 -9", b"MSG a 1", b"MSG", b"HMSG a b1 x 1\r\ny"])
def test_what_is_not_nats_is_an_error(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"NATS|literal"):
        Reader().feed(line + b"\r\n")


@pytest.mark.parametrize("subject", ["", "a b", "a\r\nPUB b 0", "a\tb", "a\0"])
def test_what_is_no_subject_is_not_sent(subject: str) -> None:
    for write in (
        lambda: publication(subject, b""),
        lambda: subscription(b"b1", subject),
        lambda: subscription(b"b1", "a", queue=subject or " "),
        lambda: publication("a", b"", reply=subject or " "),
    ):
        with pytest.raises(ValueError, match="no subject"):
            write()


def test_a_header_stays_one_header() -> None:
    ((_, message),), _ = Reader().feed(arrived(b"b1", Message("a", "", b"", {"a": "1\r\nb: 2"})))
    assert message.headers == {"a": "1 b: 2"}
    with pytest.raises(ValueError, match="header"):
        publication("a", b"", headers={"a: 1\r\nb": "2"})


def test_subscriptions_are_as_written_down() -> None:
    assert subscription(b"b1", "a.*") == b"SUB a.*  b1\r\n"
    assert subscription(b"b1", "a.*", "group") == b"SUB a.* group b1\r\n"
    assert unsubscription(b"b1") == b"UNSUB b1\r\n"
