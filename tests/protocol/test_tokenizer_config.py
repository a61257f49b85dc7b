"""tokenizer_config.json and special_tokens_map.json in the ways that they are written."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.protocol.tokenizer_config import MAX_LENGTH, parse


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        pytest.param({}, {}, id="none"),
        pytest.param(
            {"bos_token": "<s>", "eos_token": "</s>"}, {"bos_token": "<s>", "eos_token": "</s>"}, id="text"
        ),
        pytest.param(
            {"bos_token": {"__type": "AddedToken", "content": "<s>", "lstrip": False}},
            {"bos_token": "<s>"},
            id="object",
        ),
        pytest.param({"bos_token": None, "eos_token": "</s>"}, {"eos_token": "</s>"}, id="null"),
        pytest.param({"add_bos_token": True, "add_eos_token": False}, {}, id="switches are no tokens"),
        pytest.param({"image_token": "<img>"}, {"image_token": "<img>"}, id="a model's own"),
        pytest.param(
            {"extra_special_tokens": {"audio_token": "<aud>"}},
            {"audio_token": "<aud>"},
            id="in a table of extras",
        ),
        pytest.param({"extra_special_tokens": ["<x>"]}, {}, id="extras without names"),
        pytest.param({"additional_special_tokens": ["<x>"], "vocab_size": 3}, {}, id="other keys"),
    ],
)
def test_special_tokens(config: dict[str, Any], expected: dict[str, str]) -> None:
    assert parse(config).special_tokens == expected


def test_the_configuration_wins_over_the_special_tokens_map() -> None:
    found = parse({"bos_token": "<b>"}, {"bos_token": "<old>", "eos_token": {"content": "<e>"}})
    assert found.special_tokens == {"bos_token": "<b>", "eos_token": "<e>"}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        pytest.param(None, {}, id="none"),
        pytest.param("T", {"default": "T"}, id="text"),
        pytest.param(
            [{"name": "default", "template": "T"}, {"name": "tool_use", "template": "U"}],
            {"default": "T", "tool_use": "U"},
            id="named",
        ),
        pytest.param([], {}, id="empty array"),
    ],
)
def test_chat_templates(template: Any, expected: dict[str, str]) -> None:
    assert parse({"chat_template": template}).chat_templates == expected


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        pytest.param(None, None, id="none"),
        pytest.param(4096, 4096, id="usual"),
        pytest.param(1, 1, id="least"),
        pytest.param(8192.0, 8192, id="as a decimal"),
        pytest.param(MAX_LENGTH, MAX_LENGTH, id="greatest"),
        pytest.param(MAX_LENGTH + 1, None, id="one more"),
        pytest.param(1000000000000000019884624838656, None, id="absurd"),
        pytest.param(1e30, None, id="absurd decimal"),
    ],
)
def test_model_max_length(length: Any, expected: int | None) -> None:
    assert parse({"model_max_length": length}).max_model_len == expected


@pytest.mark.parametrize("value", [True, False, None])
def test_add_bos_token(value: bool | None) -> None:
    assert parse({"add_bos_token": value}).add_bos_token is value


def test_no_files_say_nothing() -> None:
    found = parse(None)
    assert (dict(found.special_tokens), dict(found.chat_templates)) == ({}, {})
    assert (found.max_model_len, found.add_bos_token) == (None, None)


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        pytest.param([], "must be a JSON object", id="no object"),
        pytest.param({"bos_token": 1}, "bos_token: ", id="number for a token"),
        pytest.param({"eos_token": {"text": "x"}}, "eos_token: ", id="object without content"),
        pytest.param({"chat_template": 1}, "chat_template: ", id="number for a template"),
        pytest.param({"chat_template": ["T"]}, r"chat_template\[0\]: ", id="text in the array"),
        pytest.param(
            {"chat_template": [{"name": "default", "template": "T"}, {"name": "x"}]},
            r"chat_template\[1\]: ",
            id="second has no text",
        ),
        pytest.param({"model_max_length": "4096"}, "model_max_length: ", id="text for a length"),
        pytest.param({"model_max_length": True}, "model_max_length: ", id="boolean for a length"),
        pytest.param({"model_max_length": 0}, "model_max_length: ", id="no length"),
        pytest.param({"add_bos_token": "yes"}, "add_bos_token: ", id="text for a switch"),
    ],
)
def test_a_fault_names_its_key(config: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=f"^{complaint}"):
        parse(config)
