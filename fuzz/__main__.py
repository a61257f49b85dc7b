"""Runs one target with atheris: `python -m fuzz TARGET [options of libFuzzer]`; see README.md."""

from __future__ import annotations

import importlib
import sys

import atheris

CODE = ("bridge", "fuzz", "hpack", "jinja2")
"""Packages whose branches guide the fuzzer."""
SLOWEST = 10
"""Seconds that one input may take."""

if __name__ == "__main__":
    name, *options = sys.argv[1:]
    with atheris.instrument_imports(include=list(CODE)):
        target = importlib.import_module(f"fuzz.{name}")
    atheris.Setup(["fuzz", f"-timeout={SLOWEST}", *options], target.one_input)
    atheris.Fuzz()
