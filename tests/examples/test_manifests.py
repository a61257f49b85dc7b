"""The manifests of the examples fit their schemas, and agree with the bridge and with each other.

Nothing here runs a cluster or a container: no claim of these files goes beyond what is checked.
"""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any

import kubernetes_validate
import pytest
import yaml

from bridge.config import Config, load
from tests.examples.gateway import EXAMPLES, not_installed
from tests.raw_http import ask

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.app import Bridge

ROOT = EXAMPLES.parent
COMPOSE = EXAMPLES / "compose"
KUBERNETES = EXAMPLES / "kubernetes"
VERSIONS = ("1.30", "1.33", "1.37")
COMPOSE_GO = ROOT / ".cache" / "bin" / "compose-go" / "cmd"
MANIFESTS = [
    pytest.param(manifest, id=f"{manifest['kind']} {manifest['metadata']['name']}")
    for name in ("bridge.yaml", "triton.yaml")
    for manifest in yaml.safe_load_all((KUBERNETES / name).read_text())
]
OF_BRIDGE = {it["kind"]: it for it in yaml.safe_load_all((KUBERNETES / "bridge.yaml").read_text())}
PODS = OF_BRIDGE["Deployment"]["spec"]["template"]
ALL_YAML = sorted(EXAMPLES.rglob("*.yaml")) + sorted(COMPOSE.glob("*.yml"))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("manifest", MANIFESTS)
def test_a_manifest_fits_the_schema_of_kubernetes(manifest: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)


def test_an_unknown_key_is_found() -> None:
    wrong = OF_BRIDGE["Service"] | {"spek": {}}
    with pytest.raises(kubernetes_validate.ValidationError, match="spek"):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


def settings(tmp_path: Path) -> Config:
    """Return the settings of the ConfigMap."""
    path = tmp_path / "bridge.toml"
    path.write_text(OF_BRIDGE["ConfigMap"]["data"]["bridge.toml"])
    return load(path, {})


def test_the_pods_have_time_to_drain(tmp_path: Path) -> None:
    (container,) = PODS["spec"]["containers"]
    before = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert PODS["spec"]["terminationGracePeriodSeconds"] > before + settings(tmp_path).drain_timeout


def test_the_pods_are_what_the_others_select() -> None:
    labels = PODS["metadata"]["labels"]
    deployment, budget = (
        OF_BRIDGE[kind]["spec"]["selector"] for kind in ("Deployment", "PodDisruptionBudget")
    )
    assert deployment["matchLabels"] == budget["matchLabels"] == labels
    assert OF_BRIDGE["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    assert OF_BRIDGE["Service"]["spec"]["selector"] == labels
    assert (
        OF_BRIDGE["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]["name"]
        == (OF_BRIDGE["Deployment"]["metadata"]["name"])
    )
    assert OF_BRIDGE["HorizontalPodAutoscaler"]["spec"]["minReplicas"] == 2


def test_files_and_ports_of_the_pods_are_those_of_the_settings(tmp_path: Path) -> None:
    (container,) = PODS["spec"]["containers"]
    mounts = {it["name"]: it["mountPath"] for it in container["volumeMounts"]}
    ports = {it["name"]: it["containerPort"] for it in container["ports"]}
    config = settings(tmp_path)
    assert str(config.key_file) == f"{mounts['keys']}/keys.toml"
    assert ports == {"http": config.http_port, "grpc": config.grpc_port}
    assert config.host == "0.0.0.0"
    command = (EXAMPLES / "docker" / "Dockerfile").read_text()
    assert f'"--config", "{mounts["config"]}/bridge.toml"' in command


def test_the_pods_may_do_nothing_but_serve() -> None:
    (container,) = PODS["spec"]["containers"]
    assert PODS["spec"]["securityContext"]["runAsNonRoot"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    dockerfile = (EXAMPLES / "docker" / "Dockerfile").read_text()
    user = PODS["spec"]["securityContext"]["runAsUser"]
    assert f"\nUSER {user}:{PODS['spec']['securityContext']['runAsGroup']}\n" in dockerfile


async def test_what_probes_and_scales_is_there(bridge: Bridge) -> None:
    (container,) = PODS["spec"]["containers"]
    paths = {
        container[name]["httpGet"]["path"] for name in ("startupProbe", "readinessProbe", "livenessProbe")
    }
    statuses = [(await ask(bridge.http_port, "GET", path)).status for path in sorted(paths)]
    assert statuses == [200, 200]
    (metric,) = OF_BRIDGE["HorizontalPodAutoscaler"]["spec"]["metrics"]
    exposed = (await ask(bridge.http_port, "GET", "/metrics")).body.decode()
    name = metric["pods"]["metric"]["name"]
    assert f"# TYPE {name} gauge" in exposed
    (rule,) = yaml.safe_load((KUBERNETES / "prometheus-adapter.yaml").read_text())["rules"]["custom"]
    assert rule["seriesQuery"].startswith(f"{name}{{")
    assert rule["name"]["as"] == name


def compose() -> dict[str, Any]:
    """Return the compose file."""
    found: dict[str, Any] = yaml.safe_load((COMPOSE / "compose.yaml").read_text())
    return found


def loaded(path: Path) -> subprocess.CompletedProcess[str]:
    """Load a compose file by the library that Docker Compose uses."""
    if not COMPOSE_GO.exists():
        not_installed(f"no {COMPOSE_GO.relative_to(ROOT)}; .ci/run installs it with Go")
    command = [str(COMPOSE_GO), "--no-interpolation", str(path)]
    return subprocess.run(command, capture_output=True, check=False, text=True)


def test_the_compose_file_is_loaded(tmp_path: Path) -> None:
    ran = loaded(COMPOSE / "compose.yaml")
    assert ran.returncode == 0, ran.stderr
    wrong = tmp_path / "compose.yaml"
    wrong.write_text((COMPOSE / "compose.yaml").read_text().replace("healthcheck:", "healthchek:"))
    assert "healthchek" in loaded(wrong).stderr


def test_the_files_that_compose_mounts_are_there() -> None:
    mounts = [it for service in compose()["services"].values() for it in service.get("volumes", [])]
    files = [it.split(":")[0] for it in mounts if isinstance(it, str) and it.startswith(".")]
    assert len(files) == 6
    assert [file for file in files if not (COMPOSE / file).exists()] == []
    build = compose()["services"]["bridge"]["build"]
    assert (COMPOSE / build["context"] / build["dockerfile"]).is_file()


def test_composes_bridge_finds_triton_and_has_time_to_drain() -> None:
    config, services = load(COMPOSE / "bridge.toml", {}), compose()["services"]
    (server,) = config.servers
    assert server.address.partition(":")[0] in services
    assert int(services["bridge"]["stop_grace_period"].removesuffix("s")) > config.drain_timeout
    assert f"127.0.0.1:{config.http_port}:{config.http_port}" in services["bridge"]["ports"]


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
