"""What parsing a tool call costs per character, however long it is: `python -m benchmarks.parsers`.

Every parser reads one call with a long string in its arguments, in small pieces. Figures are medians of
several runs, in nanoseconds of CPU per character.

Exit code 0: linear; 1: a character of 1 MB costs more than `LIMIT` times one of 64 KB.
"""

from __future__ import annotations

import argparse
import sys
import time
from statistics import median
from typing import TYPE_CHECKING, Final

from bridge.protocol.events import CallArguments, CallEnd
from bridge.protocol.tool_calls import PARSERS

if TYPE_CHECKING:
    from collections.abc import Iterable

SIZES: Final = (1 << 16, 1 << 18, 1 << 20)
PIECES: Final = (1, 4, 64)
LIMIT: Final = 1.5
AT_LEAST: Final = 1 << 18
"""Characters per measurement: shorter texts are read several times."""

FUNCTIONS: Final = {"store": {"type": "object", "properties": {"text": {"type": "string"}}}}
LINE: Final = "if a[i] < b and {c} != (d + 1): say('it is \\u00e9 \\\\ \\t'); # and so on\\n"
DEEPSEEK: Final = "<\uff5ctool\u2581call\u2581begin\uff5c>", "<\uff5ctool\u2581sep\uff5c>"
CALLS: Final = {
    "deepseek_v3": (
        f'{DEEPSEEK[0]}function{DEEPSEEK[1]}store\n```json\n{{"text": "',
        '"}\n```<\uff5ctool\u2581call\u2581end\uff5c>',
    ),
    "deepseek_v3_1": (
        f'{DEEPSEEK[0]}store{DEEPSEEK[1]}{{"text": "',
        '"}<\uff5ctool\u2581call\u2581end\uff5c>',
    ),
    "glm45": ("<tool_call>store\n<arg_key>text</arg_key>\n<arg_value>", "</arg_value>\n</tool_call>"),
    "granite": ('<|tool_call|>[{"name": "store", "arguments": {"text": "', '"}}]'),
    "harmony": ('<|channel|>commentary to=functions.store<|message|>{"text": "', '"}<|call|>'),
    "hermes": ('<tool_call>\n{"name": "store", "arguments": {"text": "', '"}}\n</tool_call>'),
    "kimi_k2": (
        '<|tool_call_begin|>functions.store:0<|tool_call_argument_begin|>{"text": "',
        '"}<|tool_call_end|>',
    ),
    "llama3_json": ('{"name": "store", "parameters": {"text": "', '"}}'),
    "mistral": ('[TOOL_CALLS]store{"text": "', '"}'),
    "phi4": ('functools[{"name": "store", "arguments": {"text": "', '"}}]'),
    "pythonic": ('[store(text="', '")]'),
    "qwen3_coder": (
        "<tool_call>\n<function=store>\n<parameter=text>\n",
        "\n</parameter>\n</function>\n</tool_call>",
    ),
}
"""What each parser's models write before and after the text."""


class UnreadCallError(Exception):
    """The call did not come out whole."""


def main() -> int:
    """Print the table."""
    args = _arguments()
    print(
        f"{'ns of CPU per character':24}{'piece':>6}{'64 KB':>8}{'256 KB':>8}{'1 MB':>8}{'1 MB / 64 KB':>14}"
    )
    linear = True
    for name in args.only or PARSERS:
        for piece in PIECES:
            runs = [[_cost(name, size, piece) for size in SIZES] for _ in range(args.runs)]
            ratio = median(run[-1] / run[0] for run in runs)
            linear &= ratio <= LIMIT
            cells = "".join(f"{median(costs):8.0f}" for costs in zip(*runs, strict=True))
            print(
                f"{name:24}{piece:6}{cells}{ratio:14.2f}{'' if ratio <= LIMIT else '  not linear'}",
                flush=True,
            )
    return 0 if linear else 1


def _cost(name: str, size: int, piece: int) -> float:
    before, after = CALLS[name]
    text = before + LINE * (size // len(LINE)) + after
    pieces = [text[at : at + piece] for at in range(0, len(text), piece)]
    times = max(1, AT_LEAST // size)
    start = time.process_time()
    for _ in range(times):
        _read(name, pieces, size)
    return (time.process_time() - start) * 1e9 / times / len(text)


def _read(name: str, pieces: Iterable[str], size: int) -> None:
    parser = PARSERS[name](FUNCTIONS)
    length, ended = 0, False
    for piece in pieces:
        for event in parser.feed(piece):
            if isinstance(event, CallArguments):
                length += len(event.text)
            ended |= isinstance(event, CallEnd)
    for event in parser.finish():
        ended |= isinstance(event, CallEnd)
    if not ended or length < size // 2:  # escapes may be written shorter or longer in JSON
        raise UnreadCallError(f"{name}: {length} characters of arguments, {'whole' if ended else 'cut off'}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.parsers", description="What parsing a tool call costs."
    )
    parser.add_argument("--runs", type=int, default=3, help="medians are of these (default: %(default)s)")
    parser.add_argument("--only", nargs="+", choices=PARSERS, metavar="PARSER", help="these only")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
