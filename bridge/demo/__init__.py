"""A real tritonserver with two demo models, from the `demo` extra; the bridge itself needs nothing of it.

Rule: modules of this package find, start and stop that server; only `wheel.py` knows what is in its wheel.
"""

from pathlib import Path
from typing import Final

DEMO_REPOSITORY: Final = Path(__file__).parent / "repository"
"""The repository of `demo`, an n-gram language model, and `demo-tools`, which calls functions and fills in
schemas by rules. Both have the vLLM backend's tensors."""
