"""The model `demo-tools` inside Triton: the rules of `rule_lm` with the vLLM backend's tensors.

Rule: only what joins the two; tensors, tokens and sampling are those of the model `demo` beside this one.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

# Triton puts a model's own directory on the path, and no other.
sys.path.append(str(Path(__file__).parents[2] / "demo" / "1"))

from ngram_lm import corpus
from ngram_lm.generation import Generation
from ngram_lm.tokenizer import Tokenizer
from rule_lm import answer, constraint
from rule_lm.script import Script
from vllm_model import VllmModel, checked

if TYPE_CHECKING:
    from collections.abc import Mapping


class TritonPythonModel(VllmModel):
    """What Triton's Python backend loads."""

    def initialize(self, args: dict[str, str]) -> None:
        """Build the tokenizer."""
        super().initialize(args)
        self._tokenizer = Tokenizer(passage for topic in corpus.load() for passage in topic.passages)

    def generation(self, prompt: str, sampling: Mapping[str, Any]) -> Generation:
        """Return the answer to a prompt by the rules."""
        wanted, others = constraint.taken(sampling)
        parameters = checked(others, vocabulary=len(self._tokenizer))
        script = Script(self._tokenizer, answer.text(prompt, wanted))
        return Generation(script, prompt, parameters, max_model_len=self.max_model_len)
