"""`openai-bridge check`: what a Triton's models are to the bridge."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from bridge.app import make_backend, make_catalog

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bridge.config import Config
    from bridge.handlers.catalog import Catalog

HEADINGS = ("MODEL", "SERVED AS", "DECOUPLED", "CHAT TEMPLATE", "WHY NOT")


async def run(config: Config, out: TextIO) -> int:
    """Print a table of the models; return 0 if the bridge would be ready, else 1.

    Raises:
        ValueError: no Triton is configured.
    """
    backend = make_backend(config)
    catalog = make_catalog(config, backend)
    try:
        await catalog.refresh()
    finally:
        await backend.close()
    reason = await catalog.not_ready()
    rows = [HEADINGS, *_rows(config, catalog)]
    if len(rows) > 1:
        out.writelines(_table(rows))
    if reason is not None:
        out.write(f"not ready: {reason}\n")
    return 0 if reason is None else 1


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip() + "\n"


def _rows(config: Config, catalog: Catalog) -> Iterator[tuple[str, ...]]:
    for name, found in sorted(catalog.found.items()):
        decoupled = "yes" if found.signature.decoupled else "no"
        if found.model is None:
            yield name, "-", decoupled, "-", found.why_not
        else:
            template = config.template_of(name).name
            yield name, found.model.translator.family, decoupled, template, ""
