"""Whatever can be made of the served document is answered as the document says, and never by a 5xx.

`st` is schemathesis' own command: a deterministic run of its boundary values and of random bodies.
fuzz/README.md says how to make a longer one.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.command import run
from tests.configured import serve_file
from tests.tokenizers import small

if TYPE_CHECKING:
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

FILE = """
[models.my-model]
triton_model = "echo_vllm"
tokenizer = "tokenizer.json"
tool_call_parser = "hermes"
reasoning_parser = "think"

[models.my-embedder]
triton_model = "embed_text"
"""
CHECKS = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance"),
    *("response_schema_conformance", "response_headers_conformance", "negative_data_rejection"),
    *("unsupported_method", "missing_required_header"),
)
OPTIONS = (
    *("--checks", ",".join(CHECKS), "--max-response-time", "10", "--request-timeout", "20"),
    *("--phases", "examples,coverage,fuzzing", "--max-examples", "10", "--mode", "all"),
    *("--generation-deterministic", "--no-color", "--warnings", "off"),
)
SAME = ("/tokenize", "/v1/tokenize", "/detokenize")
"""Routes whose bodies are tried elsewhere: by another name, or as those of the endpoints they count for."""


async def test_generated_requests_get_documented_answers(
    serve: Serve, triton: RunningTriton, tmp_path: Path
) -> None:
    (tmp_path / "tokenizer.json").write_bytes(small.source(small.byte_level()))
    bridge = await serve_file(serve, tmp_path, triton.address, FILE)
    document = f"http://127.0.0.1:{bridge.http_port}/openapi.json"
    without = [option for path in SAME for option in ("--exclude-path", path)]
    command = str(Path(sys.executable).with_name("st"))
    done = await run(command, "run", document, *OPTIONS, *without, within=120, cwd=tmp_path)
    assert done.code == 0, done.out[-8000:] + done.err
