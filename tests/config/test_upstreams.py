"""Several Tritons in the configuration: three ways to write them, and complaints that begin with the key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.config import Balancing, Config, ConfigError, ModelConfig, Upstream, load

if TYPE_CHECKING:
    from pathlib import Path


def loaded(tmp_path: Path, text: str, triton: list[str] | None = None) -> Config:
    path = tmp_path / "bridge.toml"
    path.write_text(text)
    return load(path, {"triton": triton})


ONE = (Upstream(address="a:1"),)
TWO = (Upstream(address="a:1"), Upstream(address="b:1"))
WEIGHED = (Upstream(address="a:1", weight=2), Upstream(address="b:1", max_concurrent=8))


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        pytest.param("", (), id="none"),
        pytest.param('triton = "a:1"', ONE, id="one"),
        pytest.param('triton = ["a:1"]', ONE, id="a list of one"),
        pytest.param('triton = ["a:1", "b:1"]', TWO, id="a list"),
        pytest.param(
            '[[triton]]\naddress = "a:1"\nweight = 2\n[[triton]]\naddress = "b:1"\nmax_concurrent = 8',
            WEIGHED,
            id="tables",
        ),
        pytest.param(
            'triton = [{address = "a:1", weight = 2}, {address = "b:1", max_concurrent = 8}]',
            WEIGHED,
            id="tables in a line",
        ),
        pytest.param('triton = ["a:1", {address = "b:1"}]', TWO, id="a mixture"),
    ],
)
def test_servers_may_be_written_in_several_ways(
    tmp_path: Path, text: str, servers: tuple[Upstream, ...]
) -> None:
    assert loaded(tmp_path, text).servers == servers


def test_flags_replace_the_servers_of_the_file(tmp_path: Path) -> None:
    assert loaded(tmp_path, 'triton = "c:1"', ["a:1", "b:1"]).servers == TWO
    assert loaded(tmp_path, 'triton = "a:1"', []).servers == ONE


def test_the_table_of_balancing_is_read(tmp_path: Path) -> None:
    text = """[balancing]
policy = "round_robin"
retries = 1
retry_budget = 0.2
eject_time = 2
max_eject_time = 60
slow_start = 0
poll_timeout = 1.5"""
    assert loaded(tmp_path, text).balancing == Balancing(
        policy="round_robin",
        retries=1,
        retry_budget=0.2,
        eject_time=2.0,
        max_eject_time=60.0,
        slow_start=0.0,
        poll_timeout=1.5,
    )


@pytest.mark.parametrize(
    ("text", "key"),
    [
        pytest.param("triton = 1", "triton", id="a number"),
        pytest.param("triton = []", "triton", id="no address"),
        pytest.param("triton = [1]", "triton", id="a list of numbers"),
        pytest.param('triton = ["a:1", "b"]', "triton[1]", id="no port"),
        pytest.param('triton = ["a:1", "a:1"]', "triton", id="twice the same"),
        pytest.param("[[triton]]\nweight = 1", "triton[0].address", id="a table without address"),
        pytest.param('[[triton]]\naddress = "a:1"\nname = "x"', "triton[0].name", id="unknown key"),
        pytest.param('[[triton]]\naddress = "a:1"\nweight = 0', "triton[0].weight", id="no weight"),
        pytest.param('[[triton]]\naddress = "a:1"\nweight = 0.5', "triton[0].weight", id="half a weight"),
        pytest.param(
            'triton = ["a:1", {address = "b:1", max_concurrent = 0}]',
            "triton[1].max_concurrent",
            id="no room",
        ),
        pytest.param("balancing = 1", "balancing", id="balancing is no table"),
        pytest.param("[balancing]\nnonsense = 1", "balancing.nonsense", id="unknown key of balancing"),
        pytest.param('[balancing]\npolicy = "random"', "balancing.policy", id="unknown policy"),
        pytest.param("[balancing]\nretries = -1", "balancing.retries", id="negative tries"),
        pytest.param("[balancing]\nretry_budget = -1", "balancing.retry_budget", id="negative budget"),
        pytest.param("[balancing]\nslow_start = inf", "balancing.slow_start", id="never all"),
        pytest.param("[balancing]\neject_time = 0", "balancing.eject_time", id="no ejection"),
        pytest.param("[balancing]\nmax_eject_time = 0", "balancing.max_eject_time", id="no time"),
        pytest.param("[balancing]\npoll_timeout = nan", "balancing.poll_timeout", id="no number"),
        pytest.param(
            'triton = "a:1"\n[models.m]\nupstreams = ["b:1"]', "models.m.upstreams", id="another address"
        ),
    ],
)
def test_a_complaint_begins_with_the_key(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)
    assert str(caught.value).startswith(f"{key}: ")


def test_a_model_may_name_some_of_the_servers(tmp_path: Path) -> None:
    config = loaded(tmp_path, 'triton = ["a:1", "b:1"]\n[models.m]\nupstreams = ["b:1"]')
    assert config.models == {"m": ModelConfig(upstreams=("b:1",))}
