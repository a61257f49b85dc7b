"""A deployment file on this machine: ports, settings, who is given what."""

from __future__ import annotations

import socket
import tomllib
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from bridge.config import ConfigError
from bridge.deploy.file import read
from bridge.deploy.ground import Ground
from bridge.deploy.plan import FrontendCheck, NatsCheck, WorkerCheck

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bridge.deploy.plan import Planned

    Plan = Callable[[str], dict[str, Planned]]

TRITONS = '[[tritons]]\nrepository = "demo"\ncount = 2\n'


@pytest.fixture
def held() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def plan(tmp_path: Path, held: ExitStack) -> Plan:
    """Return what a file amounts to: its processes by name, in order."""

    def make(text: str) -> dict[str, Planned]:
        deployment = read(tomllib.loads(text), tmp_path)
        ground = Ground(deployment, tmp_path, held=held, work_dir=tmp_path / "work", level=None)
        return {planned.name: planned for stage in ground.stages() for planned in stage.processes}

    return make


def flags(planned: Planned, name: str) -> list[str]:
    return [word.partition("=")[2] for word in planned.command if word.startswith(f"--{name}=")]


def test_what_others_need_comes_first(plan: Plan) -> None:
    made = plan(f"[nats]\n{TRITONS}[[workers]]\n[[frontends]]")
    assert list(made) == ["nats.0", "triton.0", "triton.1", "worker.0", "frontend.0"]


def test_workers_get_one_triton_each_in_turn(plan: Plan) -> None:
    made = plan(f'[nats]\n{TRITONS}[[workers]]\ncount = 4\ntritons = ["triton", "gpu-b:8001"]')
    tritons = [flags(made[f"triton.{number}"], "grpc-port")[0] for number in range(2)]
    first, second = (f"127.0.0.1:{port}" for port in tritons)
    given = [flags(made[f"worker.{number}"], "triton") for number in range(4)]
    assert given == [[first], [second], ["gpu-b:8001"], [first]]


def test_front_ends_ask_all_tritons_that_they_name(plan: Plan) -> None:
    made = plan(f'{TRITONS}[[frontends]]\ntritons = ["triton", "gpu-b:8001"]')
    assert len(flags(made["frontend.0"], "triton")) == 3
    assert flags(made["frontend.0"], "upstream") == []


def test_no_port_is_given_twice_and_none_is_anybodys(plan: Plan) -> None:
    made = plan(f"[nats]\n{TRITONS}[[frontends]]\ncount = 3")
    names = ("grpc-port", "http-port", "metrics-port")
    ports = [port for one in made.values() for name in names for port in flags(one, name)]
    assert len(ports) == len(set(ports)) == 2 * 3 + 3 * 2
    for port in ports:
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", int(port)))


def test_who_listens_everywhere_is_asked_here(plan: Plan) -> None:
    made = plan(f'[nats]\nhost = "0.0.0.0"\n{TRITONS}[[frontends]]\nhost = "::"')
    nats, frontend = made["nats.0"].check, made["frontend.0"].check
    assert isinstance(nats, NatsCheck)
    assert isinstance(frontend, FrontendCheck)
    assert (nats.host, frontend.host) == ("127.0.0.1", "::1")
    assert flags(made["frontend.0"], "upstream") == [f"nats://127.0.0.1:{nats.port}"]
    assert made["frontend.0"].shown.startswith(f"http://[::1]:{frontend.port}, gRPC [::1]:")


def test_nats_that_runs_elsewhere_is_not_started(plan: Plan) -> None:
    made = plan('[nats]\nurl = "tls://a:1,tls://b:2"\n[[workers]]\ntritons = ["c:3"]')
    assert list(made) == ["worker.0"]
    assert flags(made["worker.0"], "nats") == ["tls://a:1,tls://b:2"]


def test_who_is_there_is_asked_with_the_login_of_a_front_end(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret")
    login = '[nats]\nuser = "{}"\npassword_file = "password"\nprefix = "{}"'
    (tmp_path / "worker.toml").write_text(login.format("worker", "blue"))
    (tmp_path / "frontend.toml").write_text(login.format("frontend", "green"))
    made = plan(
        '[nats]\nurl = "nats://a:1"\n[[frontends]]\nconfig = "frontend.toml"\n'
        '[[workers]]\nconfig = "worker.toml"\ntritons = ["c:3"]'
    )
    check = made["worker.0"].check
    assert isinstance(check, WorkerCheck)
    assert (check.nats.user, check.nats.prefix, check.nats.url) == ("frontend", "blue", "nats://a:1")


@pytest.mark.parametrize(
    ("settings", "text", "complaint"),
    [
        pytest.param(
            "prot = 1", "[[frontends]]", "frontends[0].config: {}: prot: unknown key", id="unknown key"
        ),
        pytest.param(
            '[nats]\nprefix = "a.b"', "[[workers]]", "workers[0].config: {}: nats.prefix: must", id="worker"
        ),
        pytest.param(
            '[nats]\nuser = "a"\npassword_file = "no"',
            "[[workers]]",
            "workers[0].config: {}: nats.password_file: ",
            id="a file of the login",
        ),
        pytest.param(
            'triton = "a:1"', "[[frontends]]", "frontends[0].config: {}: upstream: cannot", id="two upstreams"
        ),
        pytest.param("=", "[[frontends]]", "frontends[0].config: {}: not TOML", id="no TOML"),
        pytest.param(None, "[[frontends]]", "frontends[0].config: {}: No such file", id="no file"),
    ],
)
def test_what_is_wrong_in_settings_is_said_before_anything_starts(
    plan: Plan, tmp_path: Path, settings: str | None, text: str, complaint: str
) -> None:
    path = tmp_path / "bridge.toml"
    if settings is not None:
        path.write_text(settings)
    whole = f'[nats]\nurl = "nats://a:1"\n{TRITONS}{text}\nconfig = "bridge.toml"'
    with pytest.raises(ConfigError) as caught:
        plan(whole)
    assert str(caught.value).startswith(complaint.format(path))


@pytest.mark.parametrize(
    ("text", "process"),
    [
        pytest.param("[nats]\nport = {}", "nats.0", id="NATS"),
        pytest.param('[[tritons]]\nrepository = "demo"\nmetrics_port = {}', "triton.0", id="Triton"),
        pytest.param('[[frontends]]\ntritons = ["a:1"]\ngrpc_port = {}', "frontend.0", id="front end"),
    ],
)
def test_a_port_in_use_is_named(plan: Plan, text: str, process: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"^{process}: cannot listen on 127.0.0.1:{port}: Address already"):
            plan(text.format(port))
