"""The key that another bridge is shown: what a file may hold, and that a broken one changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.access.shown_key import ShownKey
from bridge.config import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_key_is_shown_as_bearer(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("sk-ob-x\n")
    assert ShownKey(path).metadata == (("authorization", "Bearer sk-ob-x"),)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(None, id="missing"),
        pytest.param(b"", id="empty"),
        pytest.param(b"sk-ob-a sk-ob-b", id="two keys"),
        pytest.param(b"sk-ob-a\nsk-ob-b\n", id="two lines"),
        pytest.param("sk-ob-ä".encode(), id="no ASCII"),
        pytest.param(b"sk-ob-\x00", id="a null byte"),
    ],
)
def test_a_file_that_holds_no_key_is_refused_without_telling_what_it_holds(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        ShownKey(path)
    assert str(caught.value).startswith(f"upstream_key_file: {path} ")
    assert "sk-ob-" not in str(caught.value)


def test_a_file_that_breaks_leaves_the_key_that_was_read(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("sk-ob-x")
    key = ShownKey(path)
    path.write_text("")
    with pytest.raises(ConfigError):
        key.reload()
    assert key.metadata == (("authorization", "Bearer sk-ob-x"),)
    path.write_text("sk-ob-y")
    key.reload()
    assert key.metadata == (("authorization", "Bearer sk-ob-y"),)
