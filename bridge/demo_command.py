"""`openai-bridge demo`: a real tritonserver with the demo models, the bridge in front of it, what to try."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from bridge.demo import DEMO_REPOSITORY
from bridge.demo.options import TritonOptions
from bridge.demo.tritonserver import TritonFailed, Tritonserver
from bridge.demo.wheel import TritonUnavailable
from bridge.observability import log
from bridge.workers.serving import serve

if TYPE_CHECKING:
    from bridge.config import Config

# Nothing is indented: what is copied from a terminal must run as it is, here documents above all.
WHAT_TO_TRY: Final = """
The bridge is ready. Its models are no real LLMs: `demo` is an n-gram model of Python's own
documentation, which samples, stops and counts as one does; `demo-tools` calls functions and fills
in schemas by a few rules. Try, from another terminal:

# curl
curl -N http://{host}:{http}/v1/chat/completions -H 'content-type: application/json' \\
  -d '{{"model": "demo", "stream": true, "messages": [{{"role": "user", "content": "What is lambda?"}}]}}'

# the OpenAI SDK (pip install openai)
python3 - <<'END'
from openai import OpenAI
client = OpenAI(base_url="http://{host}:{http}/v1", api_key="none")
answer = client.chat.completions.create(
    model="demo", messages=[{{"role": "user", "content": "How do I import a module?"}}], max_tokens=60)
print(answer.choices[0].message.content)
END

# a function to call, and a schema to fill in
curl http://{host}:{http}/v1/chat/completions -H 'content-type: application/json' \\
  -d '{{"model": "demo-tools", "messages": [{{"role": "user", "content": "The weather in Rome?"}}], "tools": [
       {{"type": "function", "function": {{"name": "get_weather", "parameters": {{"type": "object",
        "properties": {{"city": {{"type": "string"}}}}, "required": ["city"]}}}}}}]}}'
curl http://{host}:{http}/v1/chat/completions -H 'content-type: application/json' \\
  -d '{{"model": "demo-tools", "messages": [{{"role": "user", "content": "Ada is 36"}}], "response_format":
       {{"type": "json_schema", "json_schema": {{"name": "person", "schema": {{"type": "object",
        "properties": {{"name": {{"type": "string"}}, "age": {{"type": "integer"}}}}}}}}}}}}'

# grpcurl
grpcurl -plaintext -d \\
  '{{"model": "demo", "messages": [{{"role": "ROLE_USER", "content": [{{"text": "What are sets?"}}]}}]}}' \\
  {host}:{grpc} openai_bridge.v1.ChatService/CreateChatCompletionStream

# buf (pip install buf-bin)
buf curl --protocol grpc --http2-prior-knowledge \\
  -d '{{"model": "demo", "prompt": [{{"text": "The for statement"}}], "max_tokens": 40}}' \\
  http://{host}:{grpc}/openai_bridge.v1.CompletionsService/CreateCompletion

Ctrl-C stops both.

"""

LOG_PREFIX: Final = "[bridge] "
WITHOUT: Final = "Serve a Triton that already runs instead: openai-bridge serve --triton HOST:PORT"
"""Said where no Triton can be started."""


async def run(config: Config, triton_grpc_port: int, out: TextIO) -> int:
    """Run both until SIGINT or SIGTERM; return the exit code.

    Args:
        config: settings of the bridge; its `triton` is replaced.
        triton_grpc_port: 0 takes a free port.
        out: where to say what to try.
    """
    log.configure(config.log_level, config.log_format, prefix=LOG_PREFIX)
    out.write("Starting Triton...\n")
    out.flush()
    with tempfile.TemporaryDirectory(prefix="openai-bridge-demo-") as scratch:
        options = TritonOptions(
            repository=DEMO_REPOSITORY,
            work_dir=Path(scratch),
            grpc_port=triton_grpc_port,
            extra_args=("--log-info=false",),  # wide tables that would push what to try off the screen
        )
        try:
            async with Tritonserver(options, on_line=_show) as triton:
                await serve(
                    replace(config, triton=triton.address, default_model=config.default_model or "demo"),
                    partial(_say, out, config.host),
                    log_prefix=LOG_PREFIX,
                )
                out.write("Stopping Triton...\n")
                out.flush()
        except TritonUnavailable as exc:
            return _fail(f"{exc}\n{WITHOUT}")
        except TritonFailed as exc:
            return _fail(str(exc))
    return 0


def _show(line: str) -> None:
    sys.stderr.write(f"[triton] {line}\n")


def _say(out: TextIO, host: str, http_port: int, grpc_port: int) -> None:
    out.write(WHAT_TO_TRY.format(host=host, http=http_port, grpc=grpc_port))
    out.flush()


def _fail(text: str) -> int:
    sys.stderr.write(f"openai-bridge demo: {text}\n")
    return 1
