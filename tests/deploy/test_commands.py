"""The command lines of a deployment."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.demo import DEMO_REPOSITORY
from bridge.demo.ports import Ports
from bridge.deploy import commands
from bridge.deploy.entries import FrontendEntry, NatsEntry, TritonEntry, WorkerEntry

PORTS = Ports(grpc=1, http=2, metrics=3)


@pytest.mark.parametrize(
    ("entry", "level", "arguments"),
    [
        pytest.param(NatsEntry(), None, "-a 127.0.0.1 -p 4", id="as it is"),
        pytest.param(NatsEntry(host="::", config=Path("/n.conf")), 1, "-c /n.conf -a :: -p 4", id="all set"),
        pytest.param(NatsEntry(), 2, "-a 127.0.0.1 -p 4 -D", id="debug"),
    ],
)
def test_nats(entry: NatsEntry, level: int | None, arguments: str) -> None:
    assert commands.nats("nats-server", entry, 4, level) == ("nats-server", *arguments.split())


def triton(entry: TritonEntry, level: int | None = None, backends: Path | None = None) -> tuple[str, ...]:
    return commands.triton(
        "tritonserver", entry, Path("/srv"), backends=backends, ports=PORTS, run_id="r", level=level
    )


@pytest.mark.parametrize(
    ("repository", "directory"),
    [
        pytest.param("models", Path("/srv/models"), id="beside the file"),
        pytest.param("/var/models", Path("/var/models"), id="absolute"),
        pytest.param("demo", DEMO_REPOSITORY, id="of the demo"),
        pytest.param("./demo", Path("/srv/demo"), id="a directory called demo"),
    ],
)
def test_the_repository_of_a_triton(repository: str, directory: Path) -> None:
    assert f"--model-repository={directory}" in triton(TritonEntry(repository=repository))


def test_a_triton_listens_where_it_should() -> None:
    made = triton(TritonEntry(repository="a", exit_timeout=7))
    wanted = {"--grpc-port=1", "--http-port=2", "--metrics-port=3", "--id=r", "--exit-timeout-secs=7"}
    assert wanted <= set(made)
    assert sum(argument.endswith("-address=127.0.0.1") for argument in made) == 3


def test_a_triton_of_somebody_elses_knows_its_backends() -> None:
    entry = TritonEntry(repository="a")
    assert not [argument for argument in triton(entry) if "backend-directory" in argument]
    assert "--backend-directory=/b" in triton(entry, backends=Path("/b"))


@pytest.mark.parametrize(
    ("level", "arguments"),
    [
        pytest.param(None, ["--own"], id="not said"),
        pytest.param(0, ["--log-info=false", "--log-warning=false", "--own"], id="errors"),
        pytest.param(2, ["--log-verbose=1", "--own"], id="debug"),
    ],
)
def test_what_the_file_adds_to_a_triton_comes_last(level: int | None, arguments: list[str]) -> None:
    made = triton(TritonEntry(repository="a", arguments=("--own",)), level)
    assert list(made[-len(arguments) :]) == arguments


@pytest.mark.parametrize(
    ("entry", "level", "arguments"),
    [
        pytest.param(WorkerEntry(), None, "", id="as it is"),
        pytest.param(
            WorkerEntry(config=Path("/w.toml"), log_format="json"),
            0,
            " --config=/w.toml --log-format=json --log-level=error",
            id="all set",
        ),
    ],
)
def test_worker(entry: WorkerEntry, level: int | None, arguments: str) -> None:
    made = commands.worker(entry, url="nats://a:1", server="b:2", level=level)
    assert " ".join(made) == f"worker --nats=nats://a:1 --triton=b:2{arguments}"


@pytest.mark.parametrize(
    ("entry", "upstream", "level", "arguments"),
    [
        pytest.param(
            FrontendEntry(),
            {"upstream": ["nats://a:1"]},
            None,
            "--upstream=nats://a:1 --http-port=1 --grpc-port=2",
            id="over the request plane",
        ),
        pytest.param(
            FrontendEntry(),
            {"triton": ["a:1", "b:2"]},
            1,
            "--triton=a:1 --triton=b:2 --http-port=1 --grpc-port=2 --log-level=info",
            id="over Tritons",
        ),
        pytest.param(
            FrontendEntry(host="::", workers=2, default_model="-m", config=Path("/f.toml")),
            {},
            2,
            "--host=:: --http-port=1 --grpc-port=2 --workers=2 --default-model=-m --config=/f.toml "
            "--log-level=debug",
            id="all set",
        ),
    ],
)
def test_frontend(
    entry: FrontendEntry, upstream: dict[str, list[str]], level: int | None, arguments: str
) -> None:
    assert " ".join(commands.frontend(entry, upstream, (1, 2), level)) == f"serve {arguments}"
