"""The model over the LLM API; its configuration says whether it is decoupled."""

from standin.llmapi import LlmapiModel


class TritonPythonModel(LlmapiModel):
    """What Triton's Python backend loads."""
