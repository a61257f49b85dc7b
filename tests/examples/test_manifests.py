"""The Kubernetes manifests fit their schemas, and agree with the bridge and with each other.

Nothing here runs a cluster: no claim of these files goes beyond what is checked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import kubernetes_validate
import pytest

from bridge.cli import _parser
from bridge.config import Config, load
from tests.examples.gateway import EXAMPLES
from tests.examples.manifests import (
    KUBERNETES,
    VARIANTS,
    Manifest,
    Pods,
    adapted,
    documents,
    each_variant,
    manifests,
    metric_of,
    named,
    of_kind,
    our_arguments,
    our_containers,
    pods,
    settings,
    unknown_to_triton,
)
from tests.raw_http import ask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bridge.app import Bridge

VERSIONS = ("1.30", "1.33", "1.37")
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
MANIFESTS = [
    pytest.param(it, id=f"{path.parent.name} {it['kind']} {it['metadata']['name']}")
    for path in (KUBERNETES / "bridge.yaml", *sorted(KUBERNETES.glob("*/*.yaml")))
    for it in documents(path)
]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("manifest", MANIFESTS)
def test_a_manifest_fits_the_schema_of_kubernetes(manifest: Manifest, version: str) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)


def test_an_unknown_key_is_found() -> None:
    wrong = named("direct", "Service", "bridge") | {"spek": {}}
    with pytest.raises(kubernetes_validate.ValidationError, match="spek"):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


@each_variant
def test_nothing_is_there_twice(variant: str) -> None:
    names = [(it["kind"], it["metadata"]["name"]) for it in manifests(variant)]
    assert len(names) == len(set(names))


def chosen(variant: str, selector: Manifest) -> list[Pods]:
    """Return the pods that a selector chooses."""
    labels = [selector.get("matchLabels", selector)]
    for rule in selector.get("matchExpressions", []):
        assert rule["operator"] == "In"
        labels = [{rule["key"]: value} for value in rule["values"]]
    return [one for one in pods(variant) if any(map(one.are_chosen_by, labels))]


def selectors(variant: str) -> Iterator[tuple[str, Manifest]]:
    for it in manifests(variant):
        spec, name = it.get("spec", {}), f"{it['kind']} {it['metadata']['name']}"
        for key in ("selector", "podSelector"):
            if key in spec:
                yield name, spec[key]
        spreading = spec.get("template", {}).get("spec", {}).get("topologySpreadConstraints", [])
        yield from ((name, rule["labelSelector"]) for rule in spreading)


@each_variant
def test_every_selector_chooses_pods_of_one_kind_that_have_its_name(variant: str) -> None:
    found = list(selectors(variant))
    assert len(found) >= 9
    for name, selector in found:
        (one,) = chosen(variant, selector)
        assert name.split()[1].startswith(one.name), name


@each_variant
def test_every_port_that_is_named_is_there(variant: str) -> None:
    for service in of_kind(variant, "Service"):
        (one,) = chosen(variant, service["spec"]["selector"])
        for port in service["spec"]["ports"]:
            assert one.ports[port["targetPort"]] == port["port"]
    for policy in of_kind(variant, "NetworkPolicy"):
        (one,) = chosen(variant, policy["spec"]["podSelector"])
        # Not by the names in sidecars, which many networks do not look for: kubernetes/kubernetes#125285.
        named = {port["name"] for it in one.template["spec"]["containers"] for port in it["ports"]}
        for rule in policy["spec"]["ingress"]:
            assert {port["port"] for port in rule["ports"]} <= named | set(one.ports.values())
        for rule in policy["spec"]["egress"]:
            for to in rule.get("to", []):
                (other,) = chosen(variant, to["podSelector"])
                assert {port["port"] for port in rule["ports"]} <= set(other.ports.values())
    for one in pods(variant):
        for container in one.containers:
            names = {port["name"] for port in container["ports"]}
            probed = {container[probe]["httpGet"]["port"] for probe in PROBES if probe in container}
            assert probed
            assert probed <= names


@each_variant
def test_every_volume_is_there_and_used(variant: str) -> None:
    for one in pods(variant):
        volumes = {it["name"]: it for it in one.template["spec"].get("volumes", [])}
        mounted = {it["name"] for container in one.containers for it in container.get("volumeMounts", [])}
        assert mounted == volumes.keys()
        for volume in volumes.values():
            if "configMap" in volume:
                assert named(variant, "ConfigMap", volume["configMap"]["name"])["data"]


@each_variant
def test_what_scales_names_what_it_scales(variant: str) -> None:
    for scaler in of_kind(variant, "HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        assert "replicas" not in named(variant, target["kind"], target["name"])["spec"]
        assert scaler["spec"]["minReplicas"] == 2


def configured(tmp_path: Path, one: Pods, container: Manifest) -> Config:
    """Return the settings of a container of ours."""
    path = tmp_path / "bridge.toml"
    path.write_text(settings(one, container))
    return load(path, {})


@each_variant
def test_the_command_line_and_the_settings_are_accepted(variant: str, tmp_path: Path) -> None:
    found = list(our_containers(variant))
    assert [container["name"] for _, container in found] == ["bridge", "worker"][: len(found)]
    assert len(found) == 1 + VARIANTS.index(variant)
    for one, container in found:
        arguments = _parser().parse_args(our_arguments(container))
        assert arguments.run.__name__ == {"bridge": "_serve", "worker": "_work"}[container["name"]]
        config = configured(tmp_path, one, container)
        assert config.host == "0.0.0.0"
        ports = {it["name"]: it["containerPort"] for it in container["ports"]}
        doors = {"http": config.http_port, "grpc": config.grpc_port}
        assert ports == (doors if container["name"] == "bridge" else {"health": config.nats.health_port})


@each_variant
def test_triton_knows_its_flags(variant: str) -> None:
    (container,) = [it for one in pods(variant) for it in one.containers if it["name"] == "triton"]
    assert container["args"][0] == "tritonserver"
    assert len(container["args"]) >= 3
    assert unknown_to_triton([*container["args"], "--made-up"]) == ["--made-up"]


@each_variant
def test_files_of_the_settings_are_mounted(variant: str, tmp_path: Path) -> None:
    for one, container in our_containers(variant):
        config = configured(tmp_path, one, container)
        if config.key_file is not None:
            assert one.mounted(container, str(config.key_file)) == ("bridge-keys", "keys.toml")
        if config.nats.password_file is not None:
            login = one.mounted(container, str(config.nats.password_file))
            assert login == ("nats-logins", config.nats.user)


@each_variant
def test_whom_the_settings_name_is_there(variant: str, tmp_path: Path) -> None:
    """A server is a service, a pod of one, or a container of the same pod."""
    named_ = []
    for one, container in our_containers(variant):
        config = configured(tmp_path, one, container)
        urls = (config.upstream, config.nats.url)
        named_ += [(one, server.address) for server in config.servers]
        named_ += [(one, url.removeprefix("nats://")) for url in urls if url is not None]
    assert len(named_) == 2 + VARIANTS.index(variant)
    for one, address in named_:
        host, _, port = address.partition(":")
        if host == "127.0.0.1":
            assert f"--grpc-address={host}" in one.container("triton")["args"]
            assert port == "8001"  # Triton's default
            continue
        service = named(variant, "Service", host.split(".")[-1])["spec"]
        assert int(port) in [it["port"] for it in service["ports"]]
        if "." in host:
            (maker,) = [it.maker for it in chosen(variant, service["selector"])]
            assert (maker["kind"], maker["spec"]["serviceName"]) == ("StatefulSet", host.split(".")[-1])
            assert service["clusterIP"] == "None"


@each_variant
def test_the_pods_have_time_to_drain(variant: str, tmp_path: Path) -> None:
    for one, container in our_containers(variant):
        before = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        after = sum(
            int(argument.partition("=")[2])
            for it in one.containers
            for argument in it.get("args", [])
            if argument.startswith("--exit-timeout-secs=")
        )
        drain = configured(tmp_path, one, container).drain_timeout
        assert one.template["spec"]["terminationGracePeriodSeconds"] > before + drain + after


@each_variant
def test_our_containers_may_do_nothing_but_serve(variant: str) -> None:
    dockerfile = (EXAMPLES / "docker" / "Dockerfile").read_text()
    for one, container in our_containers(variant):
        who = one.template["spec"].get("securityContext", {}) | container["securityContext"]
        assert who["runAsNonRoot"]
        assert who["readOnlyRootFilesystem"]
        assert not who["allowPrivilegeEscalation"]
        assert who["capabilities"] == {"drop": ["ALL"]}
        assert f"\nUSER {who['runAsUser']}:{who['runAsGroup']}\n" in dockerfile


@each_variant
def test_what_scales_has_a_rule_for_its_metric(variant: str) -> None:
    for scaler in of_kind(variant, "HorizontalPodAutoscaler"):
        name = metric_of(scaler)
        assert adapted()[name]["seriesQuery"].startswith(f"{name}{{")


async def test_what_probes_and_scales_is_there(bridge: Bridge) -> None:
    (one,) = [it for it in pods("direct") if it.name == "bridge"]
    paths = {one.container("bridge")[probe]["httpGet"]["path"] for probe in PROBES}
    statuses = [(await ask(bridge.http_port, "GET", path)).status for path in sorted(paths)]
    assert statuses == [200, 200]
    exposed = (await ask(bridge.http_port, "GET", "/metrics")).body.decode()
    scaler = named("direct", "HorizontalPodAutoscaler", "bridge")
    assert f"# TYPE {metric_of(scaler)} gauge" in exposed
