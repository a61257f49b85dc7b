"""A real tritonserver with a demo model, from the `demo` extra; the bridge itself needs nothing of it.

Rule: modules of this package find, start and stop that server; only `wheel.py` knows what is in its wheel.
"""

from pathlib import Path
from typing import Final

DEMO_REPOSITORY: Final = Path(__file__).parent / "repository"
"""The repository of the model `demo`, an n-gram language model with the vLLM backend's tensors."""
