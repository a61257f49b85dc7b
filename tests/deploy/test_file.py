"""Deployment files: what they mean, and that everything wrong in them is named by its path."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bridge.config import ConfigError
from bridge.deploy.file import read

if TYPE_CHECKING:
    from bridge.deploy.file import Deployment

BASE = Path("/srv")
SECRET = "hunter2"
WHOLE = '[nats]\n[[tritons]]\nrepository = "models"\n[[workers]]\n[[frontends]]\n'


def deployment(text: str) -> Deployment:
    return read(tomllib.loads(text), BASE)


def test_what_is_left_open_is_filled_in() -> None:
    made = deployment(WHOLE)
    assert [(key, entry.instances) for key, entry in made.entries] == [
        ("nats", ("nats.0",)),
        ("tritons[0]", ("triton.0",)),
        ("workers[0]", ("worker.0",)),
        ("frontends[0]", ("frontend.0",)),
    ]
    assert made.workers[0].tritons == ("triton",)
    assert made.frontends[0].tritons == ()
    assert (made.timeouts.start_timeout, made.timeouts.stop_timeout) == (120, 90)


def test_front_ends_without_a_request_plane_ask_all_tritons() -> None:
    made = deployment(
        '[[tritons]]\nrepository = "a"\n[[tritons]]\nname = "b"\nrepository = "b"\n[[frontends]]'
    )
    assert made.frontends[0].tritons == ("triton", "b")


def test_front_ends_may_ask_tritons_beside_a_request_plane() -> None:
    made = deployment(WHOLE + 'tritons = ["triton", "gpu-b:8001"]')
    assert made.frontends[0].tritons == ("triton", "gpu-b:8001")


def test_each_further_process_has_the_next_port() -> None:
    made = deployment(WHOLE + "count = 3\nhttp_port = 8080")
    frontend = made.frontends[0]
    assert frontend.instances == ("frontend.0", "frontend.1", "frontend.2")
    assert [frontend.ports(number) for number in range(3)] == [(8080, 0), (8081, 0), (8082, 0)]


def test_paths_are_relative_to_the_file() -> None:
    made = deployment('[[frontends]]\ntritons = ["a:1"]\nconfig = "bridge.toml"')
    assert made.frontends[0].config == BASE / "bridge.toml"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("", "frontends: is required", id="nothing"),
        pytest.param("frontend = 1", "frontend: unknown key; known are nats, tritons", id="unknown table"),
        pytest.param("[frontends]", "frontends: must be tables: [[frontends]]", id="one table"),
        pytest.param("frontends = [1]", "frontends: must be tables", id="no table"),
        pytest.param("nats = 1", "nats: must be a table: [nats]", id="NATS is no table"),
        pytest.param("[[nats]]", "nats: must be a table: [nats]", id="several NATS"),
        pytest.param(
            WHOLE + "prot = 1", "frontends[0].prot: unknown key; known are name, ", id="unknown key"
        ),
        pytest.param(
            WHOLE + '[[frontends]]\nname = "b"\nprot = 1', "frontends[1].prot: unknown", id="of the second"
        ),
        pytest.param(WHOLE + 'count = "2"', "frontends[0].count: must be an integer", id="count of a kind"),
        pytest.param(WHOLE + "count = 0", "frontends[0].count: must be 1 to 1000, not 0", id="no process"),
        pytest.param(WHOLE + "count = 70000", "frontends[0].count: must be 1 to 1000", id="many processes"),
        pytest.param(WHOLE + 'name = "a b"', "frontends[0].name: must be of letters", id="name"),
        pytest.param(WHOLE + 'name = "../a"', "frontends[0].name: must be of letters", id="name is a path"),
        pytest.param(WHOLE + 'name = "worker"', "frontends[0].name: worker is workers[0]", id="name twice"),
        pytest.param(
            WHOLE + "[[frontends]]", "frontends[1].name: frontend is front", id="default name twice"
        ),
        pytest.param(WHOLE + "http_port = 65536", "frontends[0].http_port: must be a port", id="port"),
        pytest.param(WHOLE + "grpc_port = -1", "frontends[0].grpc_port: must be a port", id="negative port"),
        pytest.param(
            WHOLE + "count = 2\nhttp_port = 65535",
            "frontends[0].http_port: must be a port, 0 to 65534, not 65535",
            id="no port for the second",
        ),
        pytest.param(
            WHOLE + "http_port = 1\ngrpc_port = 1",
            "frontends[0].grpc_port: 1 is one of frontends[0].http_port already",
            id="port twice",
        ),
        pytest.param(
            WHOLE + 'count = 3\nhttp_port = 9000\n[[frontends]]\nname = "b"\nhttp_port = 9002',
            "frontends[1].http_port: 9002 is one of frontends[0].http_port already",
            id="port of a further process",
        ),
        pytest.param(WHOLE + 'host = ""', "frontends[0].host: must not be empty", id="no host"),
        pytest.param(WHOLE + "workers = 0", "frontends[0].workers: must be > 0, not 0", id="no workers"),
        pytest.param(
            WHOLE + 'log_format = "xml"', "frontends[0].log_format: must be one of", id="log format"
        ),
        pytest.param(WHOLE + 'tritons = "a:1"', "frontends[0].tritons: must be an array", id="no array"),
        pytest.param(
            WHOLE + 'tritons = ["other"]', "frontends[0].tritons[0]: other is neither", id="unknown Triton"
        ),
        pytest.param(WHOLE + 'tritons = ["a:1", "b:x"]', "frontends[0].tritons[1]: must be", id="address"),
        pytest.param(
            WHOLE + 'tritons = ["a:1", "a:1"]', "frontends[0].tritons: must name each", id="Triton twice"
        ),
        pytest.param(
            WHOLE + "environment = 1", "frontends[0].environment: must be a table", id="environment"
        ),
        pytest.param(
            WHOLE + 'environment = {"A=B" = "1"}',
            "frontends[0].environment: must hold names without =",
            id="name of a variable",
        ),
        pytest.param(
            "[nats]\n[[frontends]]\n[[workers]]", "workers[0].tritons: is required", id="worker alone"
        ),
        pytest.param('[[workers]]\ntritons = ["a:1"]', "nats: is required: workers[0] offers", id="no plane"),
        pytest.param(
            "[[frontends]]", "frontends[0].tritons: is required: the file has neit", id="nothing to serve"
        ),
        pytest.param("[[tritons]]", "tritons[0].repository: is required", id="no models"),
        pytest.param('[[tritons]]\nrepository = ""', "tritons[0].repository: must not be", id="empty"),
        pytest.param(
            '[[tritons]]\nrepository = "a"\nexit_timeout = -1', "tritons[0].exit_timeout: must", id="exit"
        ),
        pytest.param(
            '[[tritons]]\nrepository = "a"\narguments = "-v"', "tritons[0].arguments: must", id="arguments"
        ),
        pytest.param("[nats]\ncount = 2", "nats.count: must be 1", id="two NATS servers"),
        pytest.param('[nats]\nhost = ""', "nats.host: must not be empty", id="no host of NATS"),
        pytest.param('[nats]\nurl = "a:1"', "nats.url: must be nats://HOST:PORT", id="URL"),
        pytest.param(
            '[nats]\nurl = "nats://a:1"\nport = 4222', "nats.port: goes with a server that is st", id="both"
        ),
        pytest.param("start_timeout = 0\n[nats]", "start_timeout: must be > 0", id="no time"),
        pytest.param("stop_timeout = nan\n[nats]", "stop_timeout: must be > 0 and finite", id="no number"),
        pytest.param('start_timeout = "1"\n[nats]', "start_timeout: must be a number", id="time of a kind"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        deployment(text)
    assert str(caught.value).startswith(complaint)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param(f'[nats]\nurl = "nats://me:{SECRET}@a:1"', "nats.url: must hold no login", id="NATS"),
        pytest.param(
            f'[nats]\nurl = "nats://a:1,b:{SECRET}@c:1"', "nats.url: must be nats://HOST", id="second NATS"
        ),
        pytest.param(
            f'[[frontends]]\ntritons = ["me:{SECRET}@a:1"]', "frontends[0].tritons[0]: must hold", id="Triton"
        ),
        pytest.param(
            f'[nats]\nenvironment = {{PASSWORD = ["{SECRET}"]}}',
            "nats.environment.PASSWORD: must be a string",
            id="no string in the environment",
        ),
        pytest.param(
            f'[nats]\nenvironment = {{PASSWORD = "{SECRET}\\u0000"}}',
            "nats.environment.PASSWORD: must be a string without",
            id="zero byte in the environment",
        ),
    ],
)
def test_a_secret_is_not_repeated(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        deployment(text)
    assert str(caught.value).startswith(complaint)
    assert SECRET not in str(caught.value)


def test_the_environment_is_not_shown() -> None:
    made = deployment(f'[nats]\nenvironment = {{PASSWORD = "{SECRET}"}}')
    assert SECRET not in repr(made)
