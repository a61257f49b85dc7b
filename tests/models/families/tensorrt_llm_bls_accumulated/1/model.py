"""The business logic script; its configuration says whether text is accumulated."""

from standin.bls import BlsModel


class TritonPythonModel(BlsModel):
    """What Triton's Python backend loads."""
