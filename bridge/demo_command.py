"""`openai-bridge demo`: a real tritonserver with the demo model, the bridge in front of it, what to try."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from bridge.app import serve
from bridge.demo import DEMO_REPOSITORY
from bridge.demo.options import TritonOptions
from bridge.demo.tritonserver import TritonFailed, Tritonserver
from bridge.demo.wheel import TritonUnavailable
from bridge.observability import log

if TYPE_CHECKING:
    from bridge.app import Bridge
    from bridge.config import Config

WHAT_TO_TRY: Final = """
The bridge is ready. The model `demo` is no real LLM: it is an n-gram model of Python's own
documentation, which samples, stops and counts as one does. Try, from another terminal:

  curl -N http://{host}:{http}/v1/chat/completions -H 'content-type: application/json' \\
    -d '{{"model": "demo", "stream": true, "messages":[{{"role": "user", "content": "What is lambda?"}}]}}'

  pip install openai; python - <<'END'
  from openai import OpenAI
  client = OpenAI(base_url="http://{host}:{http}/v1", api_key="none")
  answer = client.chat.completions.create(
      model="demo", messages=[{{"role": "user", "content": "How do I import a module?"}}], max_tokens=60)
  print(answer.choices[0].message.content)
  END

  grpcurl -plaintext -d \\
    '{{"model": "demo", "messages": [{{"role": "ROLE_USER", "content": [{{"text": "What are sets?"}}]}}]}}' \\
    {host}:{grpc} openai_bridge.v1.ChatService/CreateChatCompletionStream

  buf curl --protocol grpc --http2-prior-knowledge \\
    -d '{{"model": "demo", "prompt": [{{"text": "The for statement"}}], "max_tokens": 40}}' \\
    http://{host}:{grpc}/openai_bridge.v1.CompletionsService/CreateCompletion

Ctrl-C stops both.

"""

WITHOUT: Final = "Serve a Triton that already runs instead: openai-bridge serve --triton HOST:PORT"
"""Said where no Triton can be started."""


async def run(config: Config, triton_grpc_port: int, out: TextIO) -> int:
    """Run both until SIGINT or SIGTERM; return the exit code.

    Args:
        config: settings of the bridge; its `triton` is replaced.
        triton_grpc_port: 0 takes a free port.
        out: where to say what to try.
    """
    log.configure(config.log_level, config.log_format, prefix="[bridge] ")
    out.write("Starting Triton...\n")
    out.flush()
    with tempfile.TemporaryDirectory(prefix="openai-bridge-demo-") as scratch:
        options = TritonOptions(
            repository=DEMO_REPOSITORY, work_dir=Path(scratch), grpc_port=triton_grpc_port
        )
        try:
            async with Tritonserver(options, on_line=_show) as triton:
                await serve(
                    replace(config, triton=triton.address, default_model=config.default_model or "demo"),
                    lambda bridge: _say(config, bridge, out),
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


def _say(config: Config, bridge: Bridge, out: TextIO) -> None:
    out.write(WHAT_TO_TRY.format(host=config.host, http=bridge.http_port, grpc=bridge.grpc_port))
    out.flush()


def _fail(text: str) -> int:
    sys.stderr.write(f"openai-bridge demo: {text}\n")
    return 1
