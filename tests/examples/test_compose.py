"""The compose files and the image of the examples: as Docker Compose reads them, in step with the bridge.

Nothing here runs a container: no claim of these files goes beyond what is checked.
"""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from bridge.cli import _parser
from bridge.config import Config, load
from tests.examples.gateway import EXAMPLES
from tests.examples.manifests import unknown_to_triton
from tests.programs import not_installed

ROOT = EXAMPLES.parent
COMPOSE = EXAMPLES / "compose"
COMPOSE_GO = ROOT / ".cache" / "bin" / "compose-go" / "cmd"
ALL_YAML = sorted(EXAMPLES.rglob("*.yaml")) + sorted(COMPOSE.glob("*.yml"))


Files = tuple[Path, ...]
DIRECT: Files = (COMPOSE / "compose.yaml",)
PLANE: Files = (*DIRECT, COMPOSE / "request-plane.yaml")
each_set = pytest.mark.parametrize("files", [DIRECT, PLANE], ids=["direct", "request-plane"])


def loaded(*paths: Path) -> subprocess.CompletedProcess[str]:
    """Load compose files, each laid over the ones before, by the library that Docker Compose uses."""
    if not COMPOSE_GO.exists():
        not_installed(f"no {COMPOSE_GO.relative_to(ROOT)}; .ci/run installs it with Go")
    command = [str(COMPOSE_GO), "--no-interpolation", *map(str, paths)]
    return subprocess.run(command, capture_output=True, check=False, text=True, cwd=COMPOSE)


@cache
def services(files: Files) -> dict[str, Any]:
    """Return the services as Docker Compose would run them."""
    ran = loaded(*files)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = yaml.safe_load(ran.stdout)["services"]
    return found


def ours(files: Files) -> dict[str, tuple[dict[str, Any], Config]]:
    """Return the services that run this program, and their settings."""
    found = {}
    for name, service in services(files).items():
        if service["image"].startswith("openai-bridge:"):
            (file,) = [it["source"] for it in service["volumes"] if it["target"] in arguments(service)]
            found[name] = service, load(Path(file), {})
    return found


def arguments(service: dict[str, Any]) -> list[str]:
    """Return what a service of ours is started with: its own command, or that of the image."""
    text = (EXAMPLES / "docker" / "Dockerfile").read_text()
    command = next(line for line in text.splitlines() if line.startswith("CMD "))
    return list(service.get("command") or yaml.safe_load(command.removeprefix("CMD ")))


def test_a_wrong_key_is_found(tmp_path: Path) -> None:
    wrong = tmp_path / "compose.yaml"
    wrong.write_text((COMPOSE / "compose.yaml").read_text().replace("healthcheck:", "healthchek:"))
    assert "healthchek" in loaded(wrong).stderr


@each_set
def test_the_files_that_compose_mounts_are_there(files: Files) -> None:
    found = services(files)
    mounts = [it for service in found.values() for it in service.get("volumes", []) if it["type"] == "bind"]
    sources = [it["source"] for it in mounts if "${MODELS" not in it["source"]]
    assert len(sources) == 6 + (files == PLANE)
    assert [source for source in sources if not Path(source).exists()] == []
    for service in found.values():
        if "build" in service:
            assert (Path(service["build"]["context"]) / service["build"]["dockerfile"]).is_file()


@each_set
def test_our_services_are_started_with_what_the_command_line_knows(files: Files) -> None:
    found = {name: arguments(service) for name, (service, _) in ours(files).items()}
    runs = {name: _parser().parse_args(given).run.__name__ for name, given in found.items()}
    assert runs == {"bridge": "_serve"} | ({"worker": "_work"} if files == PLANE else {})


@each_set
def test_our_services_find_the_others_and_have_time_to_drain(files: Files) -> None:
    there = services(files)
    for service, config in ours(files).values():
        urls = [url for url in (config.upstream, config.nats.url) if url is not None]
        addresses = [server.address for server in config.servers] + [it.partition("://")[2] for it in urls]
        assert addresses
        for address in addresses:
            host, _, port = address.partition(":")
            assert (host, port) in {("triton", "8001"), ("nats", "4222")}  # their defaults
            assert host in there
        assert seconds(service["stop_grace_period"]) > config.drain_timeout
        assert config.host == "0.0.0.0"


@each_set
def test_triton_knows_its_flags(files: Files) -> None:
    assert unknown_to_triton([*services(files)["triton"]["command"], "--made-up"]) == ["--made-up"]


def seconds(text: str) -> int:
    """Return what Compose writes as 1m15s."""
    found = re.fullmatch(r"(?:(\d+)m)?(\d+)s", text)
    assert found is not None
    return 60 * int(found[1] or 0) + int(found[2])


@each_set
def test_health_is_asked_where_it_is_told(files: Files) -> None:
    found = ours(files)
    for name, (service, config) in found.items():
        port = config.http_port if name == "bridge" else config.nats.health_port
        assert f'"http://127.0.0.1:{port}/v1/health/ready"' in service["healthcheck"]["test"][-1]
    published = {(it["host_ip"], it["target"]) for it in found["bridge"][0]["ports"]}
    bridge = found["bridge"][1]
    assert published == {("127.0.0.1", bridge.http_port), ("127.0.0.1", bridge.grpc_port)}


def test_the_image_holds_what_the_package_is_built_of() -> None:
    dockerfile = (EXAMPLES / "docker" / "Dockerfile").read_text()
    sources = re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE)
    files = [name for line in sources for name in line.split()]
    ignored = (EXAMPLES / "docker" / "Dockerfile.dockerignore").read_text().splitlines()
    assert {"pyproject.toml", "README.md", "LICENSE", "bridge", "gen"} <= set(files)
    assert [name for name in files if not (ROOT / name).exists() or f"!{name}" not in ignored] == []


@pytest.mark.parametrize("path", ALL_YAML, ids=lambda path: f"{path.parent.name} {path.name}")
def test_every_file_is_yaml_without_keys_twice(path: Path) -> None:
    for document in yaml.compose_all(path.read_text(), yaml.SafeLoader):
        check_keys(document)


def check_keys(node: yaml.Node | None) -> None:
    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value]
        assert len(keys) == len(set(keys)), node.start_mark
        for _, value in node.value:
            check_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            check_keys(value)
