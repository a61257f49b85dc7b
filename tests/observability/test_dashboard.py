"""The dashboard and the alerts ask for what /metrics answers, after a bridge has done all that it counts."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import yaml

from bridge.app import Bridge
from bridge.config import Config, Upstream
from bridge.observability.metrics import Metrics
from tests.eventually import eventually
from tests.observability.promql import Family, check, legend_labels, scraped
from tests.openai_bodies import CHAT, chat, directed
from tests.raw_http import ask
from tests.scripted_triton import data, fails, scripted_triton, sends

if TYPE_CHECKING:
    from tests.tritonserver import RunningTriton

DOCS = Path(__file__).parents[2] / "docs"
DASHBOARD = json.loads((DOCS / "grafana" / "openai-bridge.json").read_text())
ALERTS = yaml.safe_load((DOCS / "prometheus-alerts.yml").read_text())
VARIABLES = {"$__rate_interval": "5m", "$job": ".*", "$model": ".*"}


PANELS = [
    pytest.param(target, id=f"{panel['title']} {target['refId']}")
    for panel in DASHBOARD["panels"]
    for target in panel.get("targets", [])
]


def plain(query: str) -> str:
    """Return a query with Grafana's variables as it fills them in."""
    for name, value in VARIABLES.items():
        query = query.replace(name, value)
    assert "$" not in query
    return query


@pytest.fixture(scope="module")
async def families(triton: RunningTriton) -> dict[str, Family]:
    """Scrape a bridge that has served, failed, and gone from one Triton to another."""
    well, ill = sends(data("a", final=True)), fails(grpc.StatusCode.UNAVAILABLE, "Server exiting")
    async with scripted_triton(well) as first, scripted_triton(ill) as second:
        addresses = (triton.address, first.address, second.address)
        servers = tuple(Upstream(address=address) for address in addresses)
        bridge = Bridge(Config(triton=servers, http_port=0, grpc_port=0, drain_timeout=0))
        await bridge.start()
        try:
            bodies = [
                chat(stream=True, unknown=1),
                chat(directed(fail_at=0)),
                chat(model="m"),
                chat(model="m"),
            ]
            for body in bodies:
                await ask(bridge.http_port, "POST", CHAT, json=body)
            await eventually(lambda: b"event_loop_lag_seconds_count" in bridge.metrics.text())
            answer = await ask(bridge.http_port, "GET", "/metrics")
        finally:
            await bridge.stop()
    return scraped(
        answer.body.decode(), {item.name: frozenset(item.label_names) for item in Metrics().instruments}
    )


@pytest.mark.parametrize("target", PANELS)
def test_a_panel_asks_for_what_there_is(families: dict[str, Family], target: dict[str, Any]) -> None:
    labels = check(plain(target["expr"]), families)
    assert (labels or set()) - {"le"} == legend_labels(target["legendFormat"])


def test_a_variable_asks_for_what_there_is(families: dict[str, Family]) -> None:
    queries = [item["query"]["query"] for item in DASHBOARD["templating"]["list"] if item["type"] == "query"]
    assert len(queries) == 2
    for query in queries:
        found = re.fullmatch(r"label_values\((.*), (\w+)\)", query)
        assert found is not None
        check(plain(found[1]), families)
        assert found[2] in families[found[1].partition("{")[0]].labels


@pytest.mark.parametrize(
    "rule", [pytest.param(rule, id=rule["alert"]) for group in ALERTS["groups"] for rule in group["rules"]]
)
def test_an_alert_asks_for_what_there_is(families: dict[str, Family], rule: dict[str, Any]) -> None:
    labels = check(rule["expr"], families)
    named = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    assert labels is not None
    assert named <= labels


def test_every_metric_of_ours_is_on_the_dashboard() -> None:
    queries = " ".join(target.values[0]["expr"] for target in PANELS)
    names = {instrument.name for instrument in Metrics().instruments}
    assert {name for name in names if name not in queries} == set()


def test_panels_have_ids_and_places_of_their_own() -> None:
    found = DASHBOARD["panels"]
    assert len({panel["id"] for panel in found}) == len(found)
    cells = [
        (x, y)
        for panel in found
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) == 23


WRONG = [
    pytest.param("sum(openai_bridge_nothing)", "no such metric", id="a metric"),
    pytest.param('openai_bridge_requests_total{colour="red"}', "has no {'colour'}", id="a label"),
    pytest.param("sum by (upstream) (openai_bridge_requests_total)", "has no {'upstream'}", id="a group"),
    pytest.param(
        "rate(openai_bridge_requests_in_flight[5m])", "does not only grow", id="the rate of a gauge"
    ),
]


@pytest.mark.parametrize(("query", "complaint"), WRONG)
def test_what_is_wrong_would_be_found(families: dict[str, Family], query: str, complaint: str) -> None:
    with pytest.raises(AssertionError, match=re.escape(complaint)):
        check(query, families)
