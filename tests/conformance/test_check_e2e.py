"""`openai-bridge check`: the table that tells how every model gets each request field."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from bridge.protocol.constraints import FIELDS
from bridge.protocol.request_fields import FORWARD_NEUTRAL
from tests.command import run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.tritonserver import RunningTriton

FILE = """
[models.alias]
triton_model = "inhouse"
tensors = { prompt = "INPUT0", answer = "OUTPUT0", max_tokens = "LENGTH" }
as_parameters = ["temperature"]
allowed_parameters = ["tenant", "retries"]

[models.tensorrt_llm_bls]
guided_decoding = "none"

[models.plain]
unsupported = "ignore"
"""
EXPECTED = {
    "echo_vllm": {
        "max_tokens": "sampling_parameters.max_tokens",
        "top_k": "sampling_parameters.top_k",
        "stop": "sampling_parameters.stop",
        "logprobs": "sampling_parameters.logprobs",
        "cache_salt": "refused",
        "response_format": "sampling_parameters.structured_outputs",
        "structured_outputs": "sampling_parameters.structured_outputs",
    },
    "ensemble": {
        "max_tokens": "input max_tokens INT32",
        "seed": "input seed UINT64",
        "min_p": "refused",
        "response_format": "input guided_decoding_guide BYTES",
        "structured_outputs": "input guided_decoding_guide BYTES",
        "logit_bias": "refused",
    },
    "llmapi": {
        "max_tokens": "input sampling_param_max_tokens INT32",
        "top_p": "input sampling_param_top_p FP32",
        "stop": "done by the bridge, and input sampling_param_stop BYTES",
        "logprobs": "refused",
        "priority": "refused",
        "response_format": "refused",
        "structured_outputs": "refused",
        "triton_parameters": "refused",
    },
    "plain": dict.fromkeys(
        ("top_k", *FIELDS), "no effect, named in the answer's header (unsupported = ignore)"
    ),
    "tensorrt_llm_bls": {"response_format": "refused"},
    "mock_llm": {"max_tokens": "refused", "temperature": "refused"},
    "alias": {
        "max_tokens": "input LENGTH INT32",
        "temperature": "parameter temperature",
        "seed": "refused",
        "stop": "done by the bridge",
        "include_stop_str_in_output": "done by the bridge",
        "priority": "parameter priority, 1 to 3",
        "triton_parameters": "parameters retries, tenant",
    },
}


async def test_every_model_tells_how_it_gets_each_field(families: RunningTriton, tmp_path: Path) -> None:
    path = tmp_path / "bridge.toml"
    path.write_text(f'triton = "{families.address}"\n{FILE}')
    ran = await run(sys.executable, "-m", "bridge", "check", "--config", str(path))
    assert ran.code == 0
    tables = {}
    for block in ran.out.split("\n\n")[1:]:
        heading, *lines = block.strip("\n").splitlines()
        rows = dict(re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in lines)
        tables[heading.partition(":")[0]] = rows
    assert {"postprocessing", "preprocessing", "tensorrt_llm", "inhouse"}.isdisjoint(tables)
    for model, rows in EXPECTED.items():
        assert {field: tables[model][field] for field in rows} == rows
        assert tables[model].keys() >= FORWARD_NEUTRAL.keys() | {*FIELDS, "max_tokens", "logprobs"}
