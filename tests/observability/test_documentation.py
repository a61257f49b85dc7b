"""docs/observability.md tells of every metric, every field of the log line and every attribute of a span."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from bridge.errors import BridgeError, Reason
from bridge.observability import otel
from bridge.observability.metrics import Metrics
from bridge.observability.outcome import Outcome
from bridge.servers import grpc_tracing, http_tracing
from tests.observability.promql import PARTS

PAGE = (Path(__file__).parents[2] / "docs" / "observability.md").read_text()
METRIC = re.compile(r"^\| `(openai_bridge_\w+)` \| (\w+) \|([^|]*)\|", re.MULTILINE)
NAME = re.compile(r"`((?:gen_ai|http|rpc|url|network|server|error|openai_bridge)\.[a-z0-9_.]+)`")
LITERAL = re.compile(r'"((?:gen_ai|http|rpc|url|network|server|error|openai_bridge)\.[a-z0-9_.]+)"')


def section(heading: str) -> str:
    return PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def test_every_metric_is_described_with_its_kind_and_labels() -> None:
    metrics = Metrics()
    kinds = {family.name: family.type for family in text_string_to_metric_families(metrics.text().decode())}
    made = {
        item.name + PARTS[kinds[item.name]][0].replace("_bucket", ""): (kinds[item.name], item.label_names)
        for item in metrics.instruments
    }
    made["openai_bridge_info"] = ("gauge", ("version",))
    described = {
        name: (kind, tuple(re.findall(r"`(\w+)`", labels)))
        for name, kind, labels in METRIC.findall(section("Metrics"))
    }
    assert described == made


def test_every_field_of_the_log_line_is_described() -> None:
    facts = Outcome(
        request_id="r", trace_id="t", door="http", endpoint="chat", model="m", key="k", code="OK", status=200,
        error=BridgeError(Reason.TIMEOUT, "x"), seconds=1.0, first_token=0.5, streamed=True, usage=None,
        finish_reasons=["stop"], upstreams=["a:1"], resumed=1, ignored=["n"],
    ).facts()  # fmt: skip
    first_cells = re.findall(r"^\| (`[^|]+) \|", section("Log"), re.MULTILINE)
    described = set(re.findall(r"`(\w+)`", " ".join(first_cells)))
    assert described == {*facts, "prompt_tokens", "completion_tokens"}


def test_every_attribute_of_a_span_is_described() -> None:
    sources = "".join(map(inspect.getsource, (otel, http_tracing, grpc_tracing)))
    assert set(NAME.findall(section("Traces"))) == set(LITERAL.findall(sources))
