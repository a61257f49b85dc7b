"""`openai-bridge check`: what a Triton's models are to the bridge."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from bridge.protocol.choices import CUT_HERE
from bridge.protocol.translators.typed_inputs import REFUSED
from bridge.protocol.triton_parameters import parameter_carriers
from bridge.wiring import make_backend, make_catalog

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bridge.config import Config
    from bridge.handlers.catalog import Catalog
    from bridge.protocol.model import Model

HEADINGS = ("MODEL", "SERVED AS", "DECOUPLED", "CHAT TEMPLATE", "TOOL CALLS", "REASONING", "WHY NOT")


async def run(config: Config, out: TextIO) -> int:
    """Print a table of the models; return 0 if the bridge would be ready, else 1.

    Raises:
        ConfigError: no Triton is configured.
    """
    backend = make_backend(config)
    catalog = make_catalog(config, backend)
    try:
        await catalog.refresh()
    finally:
        await backend.close()
    reason = await catalog.not_ready()
    rows = [HEADINGS, *_rows(catalog)]
    if len(rows) > 1:
        out.writelines(_table(rows))
    out.writelines(_fields(catalog))
    if reason is not None:
        where = ", ".join(server.address for server in config.servers)
        out.write(f"not ready: {where}: {reason}\n")
    return 0 if reason is None else 1


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip() + "\n"


def _fields(catalog: Catalog) -> Iterator[str]:
    """Yield how each model that generates text gets each field, or that it is refused."""
    for name, found in sorted(catalog.found.items()):
        if found.model is None:
            continue
        yield f"\n{name}: what becomes of request fields\n"
        carriers = {**found.model.translator.carriers(), **parameter_carriers(found.model)}
        yield from _table(
            [(f"  {field}", _outcome(field, how, found.model)) for field, how in sorted(carriers.items())]
        )


def _outcome(field: str, how: str, model: Model) -> str:
    """Return what becomes of a field, of which the family says how it is carried."""
    if field in CUT_HERE and not model.translator.cuts_stop_strings:
        return "done by the bridge" if how == REFUSED else f"done by the bridge, and {how}"
    if how == REFUSED and model.unsupported == "ignore":
        return "no effect, named in the answer's header (unsupported = ignore)"
    return how


def _rows(catalog: Catalog) -> Iterator[tuple[str, ...]]:
    for name, found in sorted(catalog.found.items()):
        decoupled = "yes" if found.signature.decoupled else "no"
        prompting = _prompting(catalog, name, found.model) if found.model is not None else ("-", "-", "-")
        yield name, found.family or "-", decoupled, *prompting, found.why_not


def _prompting(catalog: Catalog, name: str, model: Model) -> tuple[str, str, str]:
    """Return where a model's chat template is from, and the spellings of its tool calls and reasoning."""
    template = catalog.routing.template_source(name)
    return template, model.tool_call_parser or "none", model.reasoning_parser or "none"
