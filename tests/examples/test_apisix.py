"""APISIX's files say what matters. APISIX itself is not run: there is no package of it to run here."""

from __future__ import annotations

import re
from typing import Any

import jsonschema
import pytest
import yaml

from bridge.config import Config, Limits
from tests.examples.gateway import GATEWAYS

TEXT = (GATEWAYS / "apisix" / "apisix.yaml").read_text()
ROUTES = yaml.safe_load(TEXT)
CONFIG = yaml.safe_load((GATEWAYS / "apisix" / "config.yaml").read_text())
UPSTREAMS = {it["id"]: it for it in ROUTES["upstreams"]}
PLUGINS = {it["id"]: it["plugins"] for it in ROUTES["plugin_configs"]}
BRIDGE = Config(triton="localhost:8001")


def closed(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the schema of an object with these keys and no others."""
    properties = required | (optional or {})
    return {
        "type": "object",
        "properties": properties,
        "required": [*required],
        "additionalProperties": False,
    }


NAME = {"type": "string", "pattern": "^[a-zA-Z0-9-_.]+$"}
COUNT = {"type": "integer", "minimum": 1, "maximum": 254}
SECONDS = {"type": "number", "exclusiveMinimum": 0}
STATUSES = {"type": "array", "items": {"type": "integer", "minimum": 200, "maximum": 599}}
HEALTHY = closed({"interval": COUNT, "successes": COUNT}, {"http_statuses": STATUSES})
UNHEALTHY = closed(
    {"interval": COUNT, "http_failures": COUNT, "tcp_failures": COUNT, "timeouts": COUNT},
    {"http_statuses": STATUSES},
)
ACTIVE = closed(
    {
        "type": {"enum": ["http", "https", "tcp"]},
        "http_path": {"type": "string"},
        "port": {"type": "integer"},
        "timeout": SECONDS,
        "healthy": HEALTHY,
        "unhealthy": UNHEALTHY,
    }
)
NODE = closed({"host": NAME, "port": {"type": "integer"}, "weight": {"type": "integer", "minimum": 0}})
UPSTREAM = closed(
    {
        "id": NAME,
        "type": {"enum": ["roundrobin", "chash", "ewma", "least_conn"]},
        "scheme": {"enum": ["http", "https", "grpc", "grpcs"]},
        "nodes": {"type": "array", "items": NODE, "minItems": 2},
        "retries": {"type": "integer", "minimum": 0},
        "timeout": closed({"connect": SECONDS, "send": SECONDS, "read": SECONDS}),
        "checks": closed({"active": ACTIVE}),
    }
)
ROUTE = closed(
    {"id": NAME, "upstream_id": {"enum": [*UPSTREAMS]}},
    {
        "uri": {"type": "string", "pattern": "^/"},
        "uris": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        "methods": {"type": "array", "items": {"enum": ["GET", "POST"]}},
        "plugin_config_id": {"enum": [*PLUGINS]},
        "priority": {"type": "integer"},
    },
)


@pytest.mark.parametrize(
    ("schema", "thing"),
    [pytest.param(UPSTREAM, it, id=it["id"]) for it in ROUTES["upstreams"]]
    + [pytest.param(ROUTE, it, id=f"route {it['id']}") for it in ROUTES["routes"]],
)
def test_an_object_has_the_form_that_apisix_documents(schema: dict[str, Any], thing: dict[str, Any]) -> None:
    jsonschema.validate(thing, schema)


@pytest.mark.parametrize(("name", "door"), [("bridge_http", "http"), ("bridge_grpc", "grpc")])
def test_an_upstream_waits_long_enough_and_shares_by_weight(name: str, door: str) -> None:
    upstream = UPSTREAMS[name]
    assert upstream["scheme"] == door
    assert upstream["timeout"]["read"] > BRIDGE.request_timeout > BRIDGE.keep_alive
    assert len({node["weight"] for node in upstream["nodes"]}) == 2
    assert {node["port"] for node in upstream["nodes"]} == {getattr(BRIDGE, f"{door}_port")}
    assert upstream["checks"]["active"]["http_path"] == "/v1/health/ready"
    assert upstream["checks"]["active"]["port"] == BRIDGE.http_port


def test_callers_need_a_key_of_apisix_and_the_bridge_gets_its_own() -> None:
    assert PLUGINS["callers"]["key-auth"] == {"header": "Authorization", "hide_credentials": True}
    assert "BRIDGE_KEY" in PLUGINS["callers"]["proxy-rewrite"]["headers"]["set"]["Authorization"]
    open_routes = {it["id"] for it in ROUTES["routes"] if it.get("plugin_config_id") != "callers"}
    assert open_routes == {"health", "grpc_health"}


def test_streams_are_not_buffered_and_sizes_fit() -> None:
    nginx = CONFIG["nginx_config"]
    assert "proxy_buffering off;" in nginx["http_server_location_configuration_snippet"]
    assert nginx["http"]["client_max_body_size"] == f"{BRIDGE.max_request_bytes // 2**20}m"
    assert int(nginx["http"]["upstream"]["keepalive_timeout"].removesuffix("s")) < Limits().idle_timeout
    assert CONFIG["deployment"]["role_data_plane"]["config_provider"] == "yaml"


def test_every_variable_is_let_through_and_the_file_ends_as_it_must() -> None:
    assert set(re.findall(r"\$\{\{(\w+)\}\}", TEXT)) == set(CONFIG["nginx_config"]["envs"])
    assert TEXT.endswith("\n#END\n")  # without it APISIX reads nothing
