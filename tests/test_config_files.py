"""Files that the configuration names: chat templates, and the keys of admins."""

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


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        pytest.param("one", ("one",), id="one"),
        pytest.param("one\ntwo\n", ("one", "two"), id="one a line"),
        pytest.param("# comment\n\n  one \r\n#two\nclé\n", ("one", "clé"), id="comments and white space"),
    ],
)
def test_admin_keys_are_the_lines_of_their_file(tmp_path: Path, text: str, keys: tuple[str, ...]) -> None:
    (tmp_path / "keys").write_bytes(text.encode())
    assert loaded(tmp_path, 'admin_key_file = "keys"').admin_keys == keys


@pytest.mark.parametrize(
    ("content", "what"),
    [
        pytest.param(b"", "holds no key", id="empty"),
        pytest.param(b"# one\n\n", "holds no key", id="comments alone"),
        pytest.param(b"\xff", "not UTF-8", id="no text"),
        pytest.param(None, "No such file", id="no file"),
    ],
)
def test_a_file_without_keys_is_named(tmp_path: Path, content: bytes | None, what: str) -> None:
    if content is not None:
        (tmp_path / "keys").write_bytes(content)
    text = complaint(tmp_path, 'admin_key_file = "keys"')
    assert text.startswith("admin_key_file: ")
    assert what in text


def test_without_a_file_there_are_no_keys() -> None:
    assert Config().admin_keys == ()
    assert load(None, {}).admin_keys == ()


def test_keys_are_not_shown(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("secret-key")
    assert "secret-key" not in repr(loaded(tmp_path, 'admin_key_file = "keys"'))


def test_a_value_of_another_kind_stays_in_the_defaults_untouched(tmp_path: Path) -> None:
    text = "[models.m.defaults]\nlogit_bias = { 5 = -1 }\nignore_eos = true"
    assert loaded(tmp_path, text).model("m") == ModelConfig(
        defaults={"logit_bias": {"5": -1}, "ignore_eos": True}
    )
