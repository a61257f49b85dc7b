"""The model `demo` inside Triton: the n-gram language model with the vLLM backend's tensors.

Rule: only what joins the two; tensors are `vllm_model.py`'s, how tokens come about is the package `ngram_lm`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ngram_lm.generation import Generation
from ngram_lm.language import Language
from vllm_model import VllmModel, checked

if TYPE_CHECKING:
    from collections.abc import Mapping


class TritonPythonModel(VllmModel):
    """What Triton's Python backend loads."""

    def initialize(self, args: dict[str, str]) -> None:
        """Build the language model."""
        super().initialize(args)
        self._language = Language.load()

    def generation(self, prompt: str, sampling: Mapping[str, Any]) -> Generation:
        """Return the sampled answer to a prompt."""
        wanted = checked(sampling, vocabulary=len(self._language.tokenizer))
        return Generation(self._language, prompt, wanted, max_model_len=self.max_model_len)
