"""An OpenAI-compatible front, over HTTP and gRPC, for NVIDIA Triton Inference Server."""
