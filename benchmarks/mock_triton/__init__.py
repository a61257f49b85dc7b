"""A Triton that only streams: vLLM's tensors over cleartext HTTP/2, at the pace that a model's name says.

It answers with bytes that were serialised before, so that what is measured in front of it is not it.
`python -m benchmarks.mock_triton --port 8001` runs one; `serve()` runs one in this process.
"""

from benchmarks.mock_triton.server import MockTriton, serve

__all__ = ["MockTriton", "serve"]
