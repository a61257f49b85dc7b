"""The figures of a run replace those between the marks of a page, and nothing else of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.document import BEGIN, END, rewrite
from benchmarks.rows import Results

if TYPE_CHECKING:
    from pathlib import Path


def test_only_what_is_between_the_marks_changes(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    rewrite(page, Results(floor={"together": [1.5, 2.5, 3.5]}), rounds=3)
    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}\n")
    assert text.endswith(f"\n{END}\nafter\n")
    assert "2.50 (1.50-3.50) us" in text
    assert "old" not in text


def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{BEGIN} and no end")
    with pytest.raises(ValueError, match="has no"):
        rewrite(page, Results(), rounds=1)
    assert page.read_text() == f"{BEGIN} and no end"
