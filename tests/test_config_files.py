"""Files that the configuration names: chat templates, and headers for Triton."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bridge.config import Config, ConfigError, ModelConfig, load

if TYPE_CHECKING:
    from pathlib import Path


def loaded(tmp_path: Path, text: str, **flags: Any) -> Config:
    path = tmp_path / "bridge.toml"
    path.write_text(text)
    return load(path, flags)


def complaint(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)
    return str(caught.value)


def test_a_template_lies_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "mine.jinja").write_text("{{ é }}", encoding="utf-8")
    config = loaded(tmp_path, '[models.m]\nchat_template = "mine.jinja"')
    assert (config.template_of("m").name, config.template_of("m").source) == ("mine.jinja", "{{ é }}")


def test_a_template_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "mine.jinja").write_bytes(b"\xff")
    text = complaint(tmp_path, 'chat_template = "mine.jinja"')
    assert text.startswith("chat_template: mine.jinja ")
    assert text.endswith("not UTF-8")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        pytest.param("", "chatml", id="neither"),
        pytest.param('chat_template = "llama3"', "llama3", id="top level"),
        pytest.param(
            'chat_template = "llama3"\n[models.m]\nchat_template = "phi"', "phi", id="the model's own"
        ),
        pytest.param('chat_template = "llama3"\n[models.m]\nmax_tokens = 1', "llama3", id="a model without"),
    ],
)
def test_a_model_has_its_own_template_or_the_top_levels(tmp_path: Path, text: str, name: str) -> None:
    assert loaded(tmp_path, text).template_of("m").name == name


def test_a_config_made_in_code_has_the_default_template() -> None:
    assert Config().template_of("m").name == "chatml"


HEADERS = '[triton_headers]\ntriton-grpc-protocol-infer-key = "secret"'


@pytest.mark.parametrize("content", [b"s3cret", b"s3cret\n", b"  s3cret\r\n\n"])
def test_a_header_for_triton_has_the_value_in_its_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret").write_bytes(content)
    config = loaded(tmp_path, HEADERS)
    assert config.triton_header_values == {"triton-grpc-protocol-infer-key": "s3cret"}
    assert "s3cret" not in repr(config)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        pytest.param(b"", "one line of ASCII", id="empty"),
        pytest.param(b"one\ntwo\n", "one line of ASCII", id="two lines"),
        pytest.param("clé".encode(), "one line of ASCII", id="no ASCII"),
        pytest.param(b"\xff", "not UTF-8", id="no text"),
        pytest.param(None, "No such file", id="no file"),
    ],
)
def test_a_file_that_holds_no_header_is_named(tmp_path: Path, content: bytes | None, what: str) -> None:
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    text = complaint(tmp_path, HEADERS)
    assert text.startswith("triton_headers.triton-grpc-protocol-infer-key: ")
    assert what in text


@pytest.mark.parametrize("name", ["Upper", "grpc-timeout", "a-bin", "a b", "a:b", ":path", "é"])
def test_a_name_that_gives_no_metadata_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_text("s")
    text = complaint(tmp_path, f'[triton_headers]\n"{name}" = "secret"')
    assert text.startswith(f"triton_headers.{name}: is no name of metadata")


def test_a_value_of_another_kind_stays_in_the_defaults_untouched(tmp_path: Path) -> None:
    text = "[models.m.defaults]\nlogit_bias = { 5 = -1 }\nignore_eos = true"
    assert loaded(tmp_path, text).model("m") == ModelConfig(
        defaults={"logit_bias": {"5": -1}, "ignore_eos": True}
    )
