"""Putting the figures of a run into docs/performance.md, so that nobody types them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks import report
from benchmarks.figures import figures

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.rows import Results

BEGIN: Final = "<!-- begin figures -->"
END: Final = "<!-- end figures -->"


def rewrite(path: Path, results: Results, rounds: int) -> None:
    """Replace what stands between the two marks of a file.

    Raises:
        ValueError: a mark is missing.
    """
    before, begin, rest = path.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path} has no {BEGIN} ... {END}")
    path.write_text(f"{before}{BEGIN}\n{content(results, rounds)}\n{END}{after}")


def content(results: Results, rounds: int) -> str:
    """Return the figures as Markdown."""
    about = report.machine()
    packages = ", ".join(f"{name} {version}" for name, version in about["packages"].items() if version)
    return f"""
Measured at commit {about["commit"]} on {about["cores"]} cores of {about["processor"]},
Linux {about["kernel"]}, Python {about["python"]}, {packages}.
Medians of {rounds} rounds, least and most in parentheses.

{report.targets(figures(results))}

All loads:

{report.loads(results)}
"""
