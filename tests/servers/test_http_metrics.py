"""The metrics: their names and labels, and that they move as requests do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bridge.observability.metrics import Metrics
from tests.eventually import eventually
from tests.openai_bodies import CHAT, COMPLETIONS, chat, completion, directed
from tests.raw_http import ask, connected

if TYPE_CHECKING:
    from bridge.app import Bridge
    from tests.tritonserver import RunningTriton

LABELS = {item.name: set(item.label_names) for item in Metrics().instruments}

RARE = {"retries", "resumes", "abandoned_generations", "stop_failures", "queue_refused"}
"""Metrics without a sample until a server is lost, an ensemble given up, or a request not let in."""


class Scraped:
    """One reading of /metrics."""

    def __init__(self, text: str) -> None:
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self._samples = [sample for family in self.families.values() for sample in family.samples]

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of the samples of a name that have these labels."""
        return sum(
            sample.value
            for sample in self._samples
            if sample.name == f"openai_bridge_{name}" and labels.items() <= sample.labels.items()
        )

    def values(self, label: str) -> set[str]:
        """Return every value that a label has anywhere."""
        return {sample.labels[label] for sample in self._samples if label in sample.labels}


async def scraped(bridge: Bridge) -> Scraped:
    answer = await ask(bridge.http_port, "GET", "/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return Scraped(answer.body.decode())


async def test_every_metric_has_its_name_and_labels(bridge: Bridge) -> None:
    await ask(bridge.http_port, "POST", CHAT, json=chat(unknown=1))
    await ask(bridge.http_port, "POST", CHAT, json=chat(directed(fail_at=0)))
    found = (await scraped(bridge)).families
    assert {name for name in found if not name.startswith("process_")} == {*LABELS, "openai_bridge_info"}
    for name, labels in LABELS.items():
        shown = {frozenset(sample.labels) - {"le"} for sample in found[name].samples}
        used = name.removeprefix("openai_bridge_") not in RARE
        assert shown == ({frozenset(labels)} if used else set())
        assert found[name].documentation


async def test_an_answer_is_counted_once_with_its_tokens(bridge: Bridge) -> None:
    told = directed(words=4, input_tokens=9)
    for stream in (False, True):
        await ask(bridge.http_port, "POST", CHAT, json=chat(told, stream=stream))
    await ask(bridge.http_port, "POST", COMPLETIONS, json=completion(told))
    now = await scraped(bridge)
    labels = {"door": "http", "model": "echo_vllm", "code": "OK"}
    assert now.total("requests_total", endpoint="chat", **labels) == 2
    assert now.total("requests_total", endpoint="completions", **labels) == 1
    assert now.total("requests_total") == 3
    assert now.total("tokens_total", model="echo_vllm", kind="prompt") == 27
    assert now.total("tokens_total", model="echo_vllm", kind="completion") == 12
    assert now.total("request_duration_seconds_count", door="http") == 3
    assert now.total("time_to_first_token_seconds_count", model="echo_vllm", endpoint="chat") == 2
    assert now.total("inter_token_seconds_count", model="echo_vllm", endpoint="completions") == 3
    assert now.total("requests_in_flight") == 0


async def test_tokens_are_counted_only_where_the_model_counts(bridge: Bridge) -> None:
    await ask(bridge.http_port, "POST", CHAT, json=chat("x", model="plain"))
    now = await scraped(bridge)
    assert now.total("requests_total", model="plain", code="OK") == 1
    assert now.total("tokens_total") == 0


@pytest.mark.parametrize(
    ("body", "code", "reason"),
    [
        pytest.param(chat(temperature=9), "INVALID_ARGUMENT", None, id="wrong request"),
        pytest.param(chat(directed(fail_at=0)), "INTERNAL", "BACKEND_ERROR", id="model failed"),
        pytest.param(
            chat(directed(fail_at=1), stream=True), "INTERNAL", "BACKEND_ERROR", id="failed in mid-stream"
        ),
        pytest.param(chat("x", model="silent"), "DATA_LOSS", "RESPONSE_TRUNCATED", id="no answer"),
    ],
)
async def test_a_failure_is_counted_by_its_code_and_reason(
    bridge: Bridge, body: dict[str, Any], code: str, reason: str | None
) -> None:
    await ask(bridge.http_port, "POST", CHAT, json=body)
    now = await scraped(bridge)
    assert now.total("requests_total", code=code, model=body["model"]) == 1
    assert now.total("requests_total") == 1
    assert now.values("reason") == ({reason} if reason else set())
    assert now.total("upstream_errors_total") == (1 if reason else 0)
    assert now.total("requests_in_flight") == 0


async def test_what_a_client_makes_up_is_never_a_label(bridge: Bridge) -> None:
    await ask(bridge.http_port, "POST", CHAT, json=chat(model="made-up-model"))
    await ask(bridge.http_port, "GET", "/v1/models/made-up-model")
    await ask(bridge.http_port, "POST", CHAT, json=chat(**{"made-up-field": 1, "made-up-too": 2}))
    await ask(bridge.http_port, "GET", "/made-up-route")
    now = await scraped(bridge)
    assert now.values("model") <= {"", "echo_vllm"}
    assert now.values("endpoint") <= {"chat", "completions", "embeddings", "models"}
    assert now.values("field") == {"other"}
    assert now.total("ignored_fields_total") == 2
    assert now.total("requests_total", model="", code="NOT_FOUND") == 2


async def test_a_request_is_in_flight_until_its_client_leaves(bridge: Bridge, triton: RunningTriton) -> None:
    async with connected(bridge.http_port) as connection:
        await connection.send(
            "POST", CHAT, json=chat(directed(tag="flying", words=2, hang_at=1), stream=True)
        )
        await connection.until(b"word0")
        assert (await scraped(bridge)).total("requests_in_flight", door="http", endpoint="chat") == 1
    await triton.event("flying", "cancelled")
    await eventually(lambda: Scraped(bridge.metrics.text().decode()).total("requests_in_flight") == 0)
    assert (await scraped(bridge)).total("requests_total", code="CANCELLED", model="echo_vllm") == 1
