"""Images of messages: data URLs in all their spellings, and what each family is sent."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from openai_bridge.v1 import chat_pb2

from bridge.errors import BridgeError, Reason
from bridge.protocol.images import (
    Image,
    ImageReference,
    check_media_type,
    checked,
    from_data_url,
    image_input,
    image_inputs,
    references,
)
from tests.protocol.models import declared, standin, tensor

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
JPEG = b"\xff\xd8\xff\xe0" + b"jpeg"
GIF = b"GIF89a" + b"gif"
WEBP = b"RIFF\x04\0\0\0WEBPVP8 "
LIMIT = 1000
PARAM = "messages[0].content[1].image_url.url"


def reference(url: str) -> ImageReference:
    return ImageReference(PARAM, url)


def data_url(data: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def percent(data: bytes) -> str:
    return "".join(f"%{byte:02x}" for byte in data)


@pytest.mark.parametrize(
    ("url", "image"),
    [
        pytest.param(data_url(PNG), Image("image/png", PNG), id="png"),
        pytest.param(data_url(JPEG, "image/jpeg"), Image("image/jpeg", JPEG), id="jpeg"),
        pytest.param(data_url(GIF, "image/gif"), Image("image/gif", GIF), id="gif"),
        pytest.param(data_url(WEBP, "image/webp"), Image("image/webp", WEBP), id="webp"),
        pytest.param(data_url(JPEG, "image/jpg"), Image("image/jpeg", JPEG), id="jpg"),
        pytest.param(data_url(JPEG, "image/png"), Image("image/jpeg", JPEG), id="another type than it says"),
        pytest.param(data_url(PNG, "Image/PNG"), Image("image/png", PNG), id="type in capitals"),
        pytest.param(data_url(PNG).replace("data", "DATA"), Image("image/png", PNG), id="scheme in capitals"),
        pytest.param(" " + data_url(PNG), Image("image/png", PNG), id="a space in front"),
        pytest.param(data_url(PNG, "image/png;a=b"), Image("image/png", PNG), id="a parameter"),
        pytest.param(data_url(PNG).rstrip("="), Image("image/png", PNG), id="no padding"),
        pytest.param(data_url(PNG).replace("=", "%3D"), Image("image/png", PNG), id="encoded padding"),
        pytest.param(data_url(PNG)[:60] + "\r\n " + data_url(PNG)[60:], Image("image/png", PNG), id="lines"),
        pytest.param("data:image/png," + percent(PNG), Image("image/png", PNG), id="percent-encoded"),
    ],
)
def test_a_data_url_is_decoded(url: str, image: Image) -> None:
    assert reference(url).scheme == "data"
    assert from_data_url(reference(url), LIMIT) == image


@pytest.mark.parametrize(
    ("url", "reason", "what"),
    [
        pytest.param("data:image/png;base64", Reason.INVALID_VALUE, "is no data URL", id="no comma"),
        pytest.param("data:image/png;base64,ab*c", Reason.INVALID_VALUE, "valid base64", id="no base64"),
        pytest.param("data:image/png;base64,abcde", Reason.INVALID_VALUE, "valid base64", id="cut base64"),
        pytest.param("data:image/png;base64,YW\xfcj", Reason.INVALID_VALUE, "valid base64", id="no ASCII"),
        pytest.param("data:image/png;base64,", Reason.INVALID_VALUE, "is no PNG", id="empty"),
        pytest.param("data:,", Reason.INVALID_VALUE, "is no image", id="no type"),
        pytest.param(data_url(PNG, "text/html"), Reason.INVALID_VALUE, "is no image", id="html"),
        pytest.param(data_url(b"<svg>", "image/svg+xml"), Reason.UNSUPPORTED_VALUE, "not one of", id="svg"),
        pytest.param(data_url(b"<html>"), Reason.INVALID_VALUE, "is no PNG", id="html that says png"),
        pytest.param(data_url(b"RIFF\0\0\0\0WAVE"), Reason.INVALID_VALUE, "is no PNG", id="sound"),
        pytest.param(data_url(PNG + bytes(LIMIT)), Reason.INVALID_VALUE, "larger than 1000", id="too large"),
        pytest.param("data:image/png," + "%00" * 5000, Reason.INVALID_VALUE, "larger than 1000", id="huge"),
    ],
)
def test_what_is_no_image_is_refused_without_repeating_it(url: str, reason: Reason, what: str) -> None:
    with pytest.raises(BridgeError, match=what) as caught:
        from_data_url(reference(url), LIMIT)
    assert (caught.value.reason, caught.value.param) == (reason, PARAM)
    assert url not in caught.value.message
    assert "base64," not in caught.value.message


def test_an_image_of_the_limit_is_taken() -> None:
    data = PNG + bytes(LIMIT - len(PNG))
    assert from_data_url(reference(data_url(data)), LIMIT).data == data
    assert checked(reference("http://h/"), data, LIMIT).data == data


@pytest.mark.parametrize("declared_type", ["image/png", "image/jpeg", "image/jpg", "image/webp", "image/gif"])
def test_a_server_may_declare_these_types(declared_type: str) -> None:
    check_media_type(reference("http://h/"), declared_type)


@pytest.mark.parametrize(
    ("url", "scheme"),
    [
        pytest.param("HTTPS://h/", "https", id="https"),
        pytest.param("http://h/", "http", id="http"),
        pytest.param("file:///etc/passwd", "file", id="file"),
        pytest.param("//h/x", "", id="no scheme"),
        pytest.param("", "", id="empty"),
    ],
)
def test_the_scheme_of_a_reference(url: str, scheme: str) -> None:
    assert reference(url).scheme == scheme


def test_nothing_of_an_image_shows_in_a_log() -> None:
    assert "secret" not in repr(reference("http://h/secret"))
    assert "jpeg'" not in repr(Image("image/png", JPEG))


def part(url: str) -> chat_pb2.ContentPart:
    return chat_pb2.ContentPart(image_url=chat_pb2.ImageUrl(url=url))


def test_references_come_in_the_order_of_the_messages() -> None:
    text = chat_pb2.ContentPart(text="look")
    messages = [
        chat_pb2.ChatMessage(role=chat_pb2.ROLE_USER, content=[part("a"), text, part("b")]),
        chat_pb2.ChatMessage(role=chat_pb2.ROLE_ASSISTANT, content=[text]),
        chat_pb2.ChatMessage(role=chat_pb2.ROLE_USER, content=[text, part("c")]),
    ]
    assert references(messages) == [
        ImageReference("messages[0].content[0].image_url.url", "a"),
        ImageReference("messages[0].content[2].image_url.url", "b"),
        ImageReference("messages[2].content[1].image_url.url", "c"),
    ]


def model(name: str, dims: tuple[int, ...] = (-1,), datatype: str = "BYTES", **settings: Any) -> Any:
    return declared(tensor("text_input", optional=False), tensor(name, datatype, dims), **settings)


@pytest.mark.parametrize(
    ("name", "dims", "form"),
    [
        pytest.param("image", (-1,), lambda i: base64.b64encode(i.data), id="vLLM: base64 text"),
        pytest.param(
            "image_url_input",
            (1,),
            lambda i: b"data:image/jpeg;base64," + base64.b64encode(i.data),
            id="TensorRT-LLM: a JPEG by name, whatever it is",
        ),
        pytest.param(
            "image_url",
            (-1,),
            lambda i: data_url(i.data, i.media_type).encode(),
            id="llmapi: a data URL",
        ),
    ],
)
def test_each_family_gets_bytes_in_its_form(name: str, dims: tuple[int, ...], form: Any) -> None:
    images = [Image("image/png", PNG), Image("image/gif", GIF)][: 1 if dims == (1,) else 2]
    found = [reference("http://h/")] * len(images)
    signature = model(name, dims, max_batch_size=8 if dims == (1,) else 0)
    assert image_input(signature) == name
    assert image_inputs(signature, images, found) == {name: tuple(form(image) for image in images)}


def test_no_images_need_no_input() -> None:
    assert image_inputs(standin("plain"), [], []) == {}


@pytest.mark.parametrize(
    "signature",
    [
        pytest.param(standin("plain"), id="no such input"),
        pytest.param(model("image", datatype="UINT8"), id="another datatype"),
        pytest.param(model("image_bytes_input", (-1, -1, -1, -1), "UINT8"), id="pixels"),
    ],
)
def test_a_model_without_image_input_takes_none(signature: Any) -> None:
    assert image_input(signature) is None
    with pytest.raises(BridgeError) as caught:
        image_inputs(signature, [Image("image/png", PNG)], [reference("data:")])
    assert (caught.value.reason, caught.value.param) == (Reason.UNSUPPORTED_VALUE, PARAM)


def test_one_image_too_many_is_named() -> None:
    found = [ImageReference("first", "a"), ImageReference("second", "b")]
    with pytest.raises(BridgeError, match="does not take 2") as caught:
        image_inputs(model("image_url_input", (1,)), [Image("image/png", PNG)] * 2, found)
    assert caught.value.param == "second"
