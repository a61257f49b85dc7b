"""The file of keys: what is written is read, whole or not at all, and by whom it may be read."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.access.key_file import changed, load
from bridge.access.keys import Key
from bridge.config import ConfigError
from tests.key_files import write_keys

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = "0123456789abcdef" * 4
FULL = Key(
    name="alice",
    sha256=DIGEST,
    created=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    expires=datetime(2027, 1, 1, tzinfo=UTC),
    models=("llama", 'a "quoted" \\ name', "org/é\n", ""),
    admin=True,
    max_concurrent_requests=1,
    requests_per_minute=2,
    tokens_per_minute=3,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.toml"


def test_what_is_written_is_read(path: Path) -> None:
    plain, none = Key(name="b-2", sha256="b" * 64), Key(name="c_3", sha256="c" * 64, models=())
    with changed(path) as keys:
        keys |= {key.name: key for key in (FULL, plain, none)}
    assert load(path).keys == (FULL, plain, none)
    assert "b-2]\nsha256 = " in path.read_text()


@given(names=st.lists(st.text(max_size=20), max_size=4))
def test_any_name_of_a_model_is_kept(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    path = tmp_path_factory.mktemp("keys") / "keys.toml"
    models = tuple(name.encode(errors="ignore").decode() for name in names)
    with changed(path) as keys:
        keys["a"] = Key(name="a", sha256=DIGEST, models=models)
    assert load(path).keys[0].models == models


def test_a_new_file_is_its_owners_alone(path: Path) -> None:
    write_keys(path, a={})
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_existing_file_keeps_its_mode(path: Path) -> None:
    write_keys(path, a={})
    path.chmod(0o640)
    write_keys(path, b={})
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_change_that_fails_leaves_the_file_as_it_was(path: Path) -> None:
    write_keys(path, a={})
    before = path.read_bytes()
    with pytest.raises(AttributeError), changed(path) as keys:
        del keys["a"].name
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_is_broken_is_not_changed(path: Path) -> None:
    path.write_text("[keys.a")
    with pytest.raises(ConfigError, match="not TOML"), changed(path):
        raise AssertionError("not reached")
    assert path.read_text() == "[keys.a"


def test_changes_at_the_same_time_lose_nothing(path: Path) -> None:
    def add(number: int) -> None:
        with changed(path) as keys:
            keys[f"k{number}"] = Key(name=f"k{number}", sha256=f"{number:064x}")

    threads = [threading.Thread(target=add, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert {key.name for key in load(path).keys} == {f"k{number}" for number in range(20)}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param(None, "cannot be read: No such file", id="no file"),
        pytest.param(b"\xff", "cannot be read: not UTF-8", id="no text"),
        pytest.param(b"[keys", "not TOML", id="no TOML"),
        pytest.param(b"[keys.a]", "keys.a.sha256", id="no key"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(path: Path, content: bytes | None, why: str) -> None:
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert str(caught.value).startswith(f"key_file: {path}")
    assert why in str(caught.value)


def test_a_directory_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), changed(tmp_path / "nowhere" / "keys.toml"):
        raise AssertionError("not reached")
    assert list(tmp_path.iterdir()) == []
