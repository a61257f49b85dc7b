"""One Dynamo cluster for the run; tests that kill something of it start a cluster of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.dynamo.environment import Cluster, Frontend, installed
from tests.dynamo.standin import start_standin, wait_ready

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def dynamo(request: pytest.FixtureRequest) -> None:
    """Make Dynamo's environment, which takes some minutes once; the terminal tells of it."""
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        installed()


@pytest.fixture(scope="session")
def cluster(dynamo: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster that all tests share: its frontends are those below."""
    with Cluster(tmp_path_factory.mktemp("dynamo")) as running:
        yield running


@pytest.fixture(scope="session")
def openai_frontend(cluster: Cluster) -> Frontend:
    """The shared cluster's frontend of OpenAI's API."""
    return cluster.http()


@pytest.fixture(scope="session")
def kserve_frontend(cluster: Cluster) -> Frontend:
    """The shared cluster's frontend of KServe's gRPC."""
    return cluster.kserve()


@pytest.fixture(scope="session")
def standin(cluster: Cluster, kserve_frontend: Frontend) -> Frontend:
    """The same frontend when it has the model `standin`, whose events are in the cluster's folder."""
    start_standin(cluster)
    wait_ready(kserve_frontend, "standin")
    return kserve_frontend


@pytest.fixture(scope="session")
def tensors(cluster: Cluster, kserve_frontend: Frontend) -> Frontend:
    """The same frontend when it has the tensor model `tensors`."""
    cluster.run("-m", "tests.dynamo.tensor_worker", "tensors", ready=["worker on"])
    wait_ready(kserve_frontend, "tensors")
    return kserve_frontend
