"""The Kubernetes manifests of examples/kubernetes, as the two sets that are applied together."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from bridge.demo.wheel import find_wheel
from tests.examples.gateway import EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KUBERNETES = EXAMPLES / "kubernetes"
VARIANTS = ("direct", "request-plane")
each_variant = pytest.mark.parametrize("variant", VARIANTS)
IMAGE = "openai-bridge"

Manifest = dict[str, Any]


@cache
def documents(path: Path) -> list[Manifest]:
    return list(yaml.safe_load_all(path.read_text()))


def manifests(variant: str) -> list[Manifest]:
    """Return what is applied together."""
    files = [KUBERNETES / "bridge.yaml", *sorted((KUBERNETES / variant).glob("*.yaml"))]
    return [manifest for file in files for manifest in documents(file)]


def of_kind(variant: str, *kinds: str) -> list[Manifest]:
    return [it for it in manifests(variant) if it["kind"] in kinds]


def named(variant: str, kind: str, name: str) -> Manifest:
    (found,) = [it for it in of_kind(variant, kind) if it["metadata"]["name"] == name]
    return found


@dataclass(frozen=True)
class Pods:
    """Pods that are alike, by what makes them."""

    variant: str
    maker: Manifest

    @property
    def template(self) -> Manifest:
        found: Manifest = self.maker["spec"]["template"]
        return found

    @property
    def name(self) -> str:
        return str(self.maker["metadata"]["name"])

    @property
    def containers(self) -> list[Manifest]:
        spec = self.template["spec"]
        return [*spec.get("initContainers", []), *spec["containers"]]

    @property
    def ports(self) -> dict[str, int]:
        return {port["name"]: port["containerPort"] for it in self.containers for port in it["ports"]}

    def are_chosen_by(self, labels: dict[str, str]) -> bool:
        return labels.items() <= self.template["metadata"]["labels"].items()

    def container(self, name: str) -> Manifest:
        (found,) = [it for it in self.containers if it["name"] == name]
        return found

    def mounted(self, container: Manifest, path: str) -> tuple[str, str]:
        """Return what a container finds at a path: the name of a ConfigMap or a secret, and the key there."""
        (mount,) = [
            it for it in container["volumeMounts"] if PurePosixPath(path).parent.as_posix() == it["mountPath"]
        ]
        (volume,) = [it for it in self.template["spec"]["volumes"] if it["name"] == mount["name"]]
        key = PurePosixPath(path).name
        if "configMap" in volume:
            return volume["configMap"]["name"], key
        keys = {it["path"]: it["key"] for it in volume["secret"].get("items", [])}
        return volume["secret"]["secretName"], keys.get(key, key)


def pods(variant: str) -> list[Pods]:
    return [Pods(variant, maker) for maker in of_kind(variant, "Deployment", "StatefulSet")]


def our_containers(variant: str) -> Iterator[tuple[Pods, Manifest]]:
    """Yield the containers that run this program."""
    for one in pods(variant):
        for container in one.containers:
            if PurePosixPath(container["image"].partition(":")[0]).name == IMAGE:
                yield one, container


def our_arguments(container: Manifest) -> list[str]:
    """Return the arguments of a container of ours: its own, or those of the image."""
    text = (EXAMPLES / "docker" / "Dockerfile").read_text()
    command = next(line for line in text.splitlines() if line.startswith("CMD "))
    return list(container.get("args") or yaml.safe_load(command.removeprefix("CMD ")))


def settings(one: Pods, container: Manifest) -> str:
    """Return the configuration file that the arguments name."""
    arguments = our_arguments(container)
    name, key = one.mounted(container, arguments[arguments.index("--config") + 1])
    return str(named(one.variant, "ConfigMap", name)["data"][key])


def unknown_to_triton(arguments: list[str]) -> list[str]:
    """Return the flags among a command's arguments that the tritonserver of the demo does not know."""
    wheel = find_wheel()
    ran = subprocess.run([wheel.binary, "--help"], env=wheel.environment(), capture_output=True, check=False)
    known = set(re.findall(rb"--[a-z-]+", ran.stdout + ran.stderr))
    flags = [it.partition("=")[0] for it in arguments if it.startswith("--")]
    return [flag for flag in flags if flag.encode() not in known]


def metric_of(scaler: Manifest) -> str:
    """Return what a HorizontalPodAutoscaler goes by."""
    (metric,) = scaler["spec"]["metrics"]
    return str(metric["pods"]["metric"]["name"])


def adapted() -> dict[str, Manifest]:
    """Return the rules for prometheus-adapter, by the metrics that they make."""
    rules = yaml.safe_load((KUBERNETES / "prometheus-adapter.yaml").read_text())["rules"]["custom"]
    return {rule["name"]["as"]: rule for rule in rules}
