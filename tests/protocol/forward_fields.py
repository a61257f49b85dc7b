"""A value that asks for something, for every field of class F."""

from __future__ import annotations

from typing import Any

from openai_bridge.v1.common_pb2 import TritonParameter

SAMPLES: dict[str, Any] = {
    "temperature": 0.0,
    "top_p": 0.5,
    "stop": ["one", "two"],
    "presence_penalty": 0.5,
    "frequency_penalty": -0.5,
    "logit_bias": {50256: -100.0, 7: 1.5},
    "seed": 2**62 + 1,
    "top_k": 3,
    "min_p": 0.25,
    "repetition_penalty": 1.5,
    "min_tokens": 2,
    "ignore_eos": True,
    "stop_token_ids": [1, 2],
    "include_stop_str_in_output": True,
    "skip_special_tokens": False,
    "spaces_between_special_tokens": False,
    "bad_words": ["bad", "worse"],
    "allowed_token_ids": [3, 4],
    "triton_parameters": {"depth": TritonParameter(int64_param=3)},
    "priority": 1,
    "cache_salt": "tenant",
}
