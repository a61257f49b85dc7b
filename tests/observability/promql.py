"""What a PromQL query takes for granted, checked against metrics that were scraped."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import promql_parser
from prometheus_client.parser import text_string_to_metric_families
from promql_parser import AggModifierType, AggregateExpr, Call, VectorSelector

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OF_PROMETHEUS = {"job", "instance"}
"""Labels that every sample gets when it is scraped."""
PARTS = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}
"""What the names of samples end in."""


@dataclass(frozen=True, slots=True)
class Family:
    """A metric as it was scraped."""

    kind: str
    labels: frozenset[str]


def scraped(text: str, made: Mapping[str, frozenset[str]]) -> dict[str, Family]:
    """Return the metrics of an exposition by the names of their samples.

    Args:
        text: what /metrics has answered.
        made: labels of metrics, for those that have no sample yet.
    """
    found = {}
    for family in text_string_to_metric_families(text):
        labels = {frozenset(sample.labels) - {"le"} for sample in family.samples}
        assert len(labels) <= 1
        known = labels.pop() if labels else made[family.name]
        for part in PARTS[family.type]:
            le = {"le"} if part == "_bucket" else set()
            found[family.name + part] = Family(family.type, known | le | OF_PROMETHEUS)
    return found


def check(query: str, families: Mapping[str, Family]) -> frozenset[str] | None:
    """Check a query; return the labels of its result, None where no aggregation names them.

    Raises:
        AssertionError: it names a metric or a label that there is not, or is made of them in a wrong way.
        ValueError: it is no PromQL.
    """
    tree = promql_parser.parse(query)
    for node in nodes(tree):
        if isinstance(node, VectorSelector):
            assert node.name in families, f"{node.name}: there is no such metric"
            unknown = {item.name for item in node.matchers.matchers} - families[node.name].labels
            assert not unknown, f"{node.name} has no {unknown}"
        if isinstance(node, Call) and node.func.name in {"rate", "increase", "irate"}:
            for selector in selectors(node):
                assert families[selector.name].kind != "gauge", f"{selector.name} does not only grow"
        if isinstance(node, Call) and node.func.name == "histogram_quantile":
            assert [
                name for name in (item.name for item in selectors(node)) if not name.endswith("_bucket")
            ] == []
            assert "le" in node.args[1].modifier.labels
        if isinstance(node, AggregateExpr) and node.modifier is not None:
            assert node.modifier.type == AggModifierType.By
            for selector in selectors(node):
                unknown = set(node.modifier.labels) - families[selector.name].labels
                assert not unknown, f"{selector.name} has no {unknown}"
    grouped = [node for node in nodes(tree) if isinstance(node, AggregateExpr) and node.modifier is not None]
    return frozenset(grouped[0].modifier.labels) if grouped else None


def nodes(tree: Any) -> Iterator[Any]:
    """Yield every part of a query, the whole first."""
    found: list[Any] = []
    promql_parser.walk(tree, found.append)
    yield from found


def selectors(tree: Any) -> Iterator[Any]:
    """Yield what a part of a query selects."""
    for node in nodes(tree):
        if isinstance(node, VectorSelector):
            yield node


def legend_labels(legend: str) -> set[str]:
    """Return the labels that a legend of Grafana's names."""
    return set(re.findall(r"\{\{(\w+)\}\}", legend))
