"""Tokenizer directories on disk: which file says what, and which is at fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.tokenizer_files import load
from tests.tokenizers import small

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONFIG = {
    "bos_token": "<s>",
    "eos_token": {"content": "</s>"},
    "model_max_length": 4096,
    "add_bos_token": True,
    "chat_template": [{"name": "default", "template": "T"}, {"name": "tool_use", "template": "U"}],
}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return small.write(tmp_path / "model", small.byte_level(bos=False), CONFIG)


def test_a_directory_says_everything(directory: Path) -> None:
    files = load(directory)
    assert files.path == directory / "tokenizer.json"
    assert files.special_tokens == {"bos_token": "<s>", "eos_token": "</s>"}
    assert (files.chat_template, files.tool_template, files.max_model_len) == ("T", "U", 4096)
    assert files.tokenizer is files.tokenizer
    assert files.tokenizer.encode("the", add_special_tokens=True)[0] == 0, "add_bos_token is not heeded"


def test_a_file_stands_for_itself(directory: Path) -> None:
    files = load(directory / "tokenizer.json")
    assert (files.special_tokens, files.chat_template, files.tool_template) == ({}, None, None)
    assert files.max_model_len is None
    assert files.tokenizer.special_count == 0


def test_the_tokenizer_alone_is_enough(tmp_path: Path) -> None:
    files = load(small.write(tmp_path, small.byte_level()))
    assert (files.special_tokens, files.chat_template, files.max_model_len) == ({}, None, None)
    assert files.tokenizer.special_count == 1


def test_template_files_win(directory: Path) -> None:
    (directory / "chat_template.jinja").write_text("file é")
    assert load(directory).chat_template == "file é"
    assert load(directory).tool_template == "U"
    (directory / "additional_chat_templates").mkdir()
    (directory / "additional_chat_templates" / "tool_use.jinja").write_text("tools file")
    assert load(directory).chat_template == "file é"
    assert load(directory).tool_template == "tools file"


def test_the_special_tokens_map_fills_in(directory: Path) -> None:
    (directory / "special_tokens_map.json").write_text('{"bos_token": "<old>", "pad_token": "<p>"}')
    assert load(directory).special_tokens == {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<p>"}


def _no_json(directory: Path) -> None:
    (directory / "tokenizer_config.json").write_text("{,}")


def _wrong_key(directory: Path) -> None:
    (directory / "tokenizer_config.json").write_text('{"model_max_length": "long"}')


def _wrong_map(directory: Path) -> None:
    (directory / "special_tokens_map.json").write_text('{"eos_token": 7}')


def _no_text(directory: Path) -> None:
    (directory / "chat_template.jinja").write_bytes(b"ok \xff")


def _no_tokenizer(directory: Path) -> None:
    (directory / "tokenizer.json").unlink()


def _nothing(directory: Path) -> None:
    for file in directory.iterdir():
        file.unlink()
    directory.rmdir()


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        pytest.param(_no_json, "/tokenizer_config.json: not JSON: ", id="not JSON"),
        pytest.param(_wrong_key, "/tokenizer_config.json: model_max_length: must be ", id="wrong key"),
        pytest.param(_wrong_map, "/special_tokens_map.json: eos_token: must be ", id="wrong key of the map"),
        pytest.param(
            _no_text, "/chat_template.jinja: not UTF-8: invalid start byte at byte 3", id="not UTF-8"
        ),
        pytest.param(_no_tokenizer, ": holds no tokenizer.json", id="no tokenizer"),
        pytest.param(_nothing, ": no such file or directory", id="nothing there"),
    ],
)
def test_a_fault_names_file_and_key(directory: Path, damage: Callable[[Path], None], complaint: str) -> None:
    damage(directory)
    with pytest.raises(ValueError, match="model") as caught:
        load(directory)
    assert str(caught.value).startswith(f"{directory}{complaint}")


def test_a_broken_tokenizer_is_told_when_it_is_first_asked_for(directory: Path) -> None:
    (directory / "tokenizer.json").write_text("{}")
    files = load(directory)
    with pytest.raises(ValueError, match="no tokenizer") as caught:
        _ = files.tokenizer
    assert str(caught.value).startswith(f"{directory}/tokenizer.json: no tokenizer: ")


def test_a_tokenizer_that_vanished_is_told_by_its_path(directory: Path) -> None:
    files = load(directory)
    (directory / "tokenizer.json").unlink()
    with pytest.raises(ValueError, match="No such file") as caught:
        _ = files.tokenizer
    assert str(caught.value).startswith(f"{directory}/tokenizer.json: ")
