"""How the tests are shared out to processes (pytest-xdist): by what starts servers of its own.

Tests of one file stay together, and so do files that share servers besides the one that all share; those
that take longest begin first, so that no process is left with one of them at the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    import pytest

FAMILIES: Final = "the models of tests/models/families"
FIRST: Final = {
    "tests/faults/": "tests/faults/",
    "tests/operators/": "tests/operators/",
    "tests/dynamo/": "tests/dynamo/",
    "tests/deploy/": "tests/deploy/",
    "tests/conformance/test_cancellation_e2e.py": FAMILIES,
    "tests/conformance/test_families_e2e.py": FAMILIES,
    "tests/conformance/test_generation_features.py": FAMILIES,
    "tests/conformance/test_sampling_fields.py": FAMILIES,
    "tests/conformance/test_check_e2e.py": FAMILIES,
    "tests/backends/test_families.py": FAMILIES,
    "tests/backends/test_family_standins.py": FAMILIES,
    "tests/demo/": "tests/demo/",
    "tests/conformance/test_schemathesis.py": "tests/conformance/test_schemathesis.py",
    "tests/servers/test_http_any_request.py": "tests/servers/test_http_any_request.py",
    "tests/test_": "tests/test_",
}
"""Beginning of a path -> the group of what begins so."""


class ByServers(LoadScopeScheduling):
    """Gives each group of tests to one process."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        config.option.loadscopereorder = False  # it would put first what has most tests
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        prefix = _prefix(nodeid)
        return nodeid.partition("::")[0] if prefix is None else FIRST[prefix]


def longest_first(items: list[pytest.Item]) -> None:
    """Put the groups of `FIRST` before all other tests, in the order of the table."""
    places = {group: place for place, group in enumerate(dict.fromkeys(FIRST.values()))}

    def place(item: pytest.Item) -> int:
        prefix = _prefix(item.nodeid)
        return len(places) if prefix is None else places[FIRST[prefix]]

    items.sort(key=place)


def _prefix(nodeid: str) -> str | None:
    return next((prefix for prefix in FIRST if nodeid.startswith(prefix)), None)
