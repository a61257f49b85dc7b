"""Images in a chat request: the model must take them, and its template must have a place for them."""

from __future__ import annotations

import pytest
from openai_bridge.v1.chat_pb2 import CreateChatCompletionRequest

from bridge.errors import BridgeError, Reason
from bridge.protocol import openai_json
from bridge.protocol.chat_prompt import check_images
from tests.protocol.chat_requests import NOW, ask
from tests.protocol.models import served

IMAGE = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:x"}}]}]
REQUEST = openai_json.read(CreateChatCompletionRequest, {"messages": IMAGE}).message


def test_an_image_is_refused_by_a_model_that_takes_none() -> None:
    with pytest.raises(BridgeError) as caught:
        ask(served("plain"), messages=IMAGE)
    assert (caught.value.reason, caught.value.param) == (
        Reason.UNSUPPORTED_VALUE,
        "messages[0].content[0].type",
    )


@pytest.mark.parametrize(
    "template",
    [
        pytest.param(None, id="a template that knows strings only"),
        pytest.param("{{ messages[0].role }}", id="a template that leaves it out"),
    ],
)
def test_an_image_is_refused_by_a_template_that_has_no_place_for_it(template: str | None) -> None:
    with pytest.raises(BridgeError) as caught:
        check_images(REQUEST, served("echo_vllm", template), NOW)
    assert caught.value.reason is Reason.UNSUPPORTED_VALUE
    assert caught.value.param == "messages[0].content[0].image_url.url"


def test_an_image_passes_where_the_template_has_a_place_for_it() -> None:
    template = "{% for part in messages[0].content %}<{{ part.type }}>{% endfor %}"
    check_images(REQUEST, served("echo_vllm", template), NOW)
