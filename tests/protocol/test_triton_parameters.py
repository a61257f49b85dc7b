"""Request parameters of Triton: the operator's, those that clients may set, and the priority."""

from __future__ import annotations

from typing import Any

import pytest
from openai_bridge.v1.common_pb2 import TritonParameter

from bridge.errors import BridgeError, Reason
from bridge.protocol import kserve
from bridge.protocol.triton_parameters import by_parameter, request_parameters
from tests.protocol.chat_requests import ask
from tests.protocol.models import served

OWN = {"adapter": "sql", "beams": 4, "fast": True, "scale": 0.5}


def model(**settings: Any) -> Any:
    return served("plain", **settings)


def told(exchange: Any, index: int = 0) -> dict[str, Any]:
    """Return the request parameters but Triton's own."""
    found = {}
    for name, parameter in exchange.requests[index].parameters.items():
        kind = parameter.WhichOneof("parameter_choice")
        found[name] = (kind, getattr(parameter, kind))
    assert found.pop(kserve.WANT_EMPTY_FINAL) == ("bool_param", True)
    return found


def test_the_operators_parameters_go_with_every_request() -> None:
    exchange = ask(model(parameters=OWN), n=2)
    for index in range(2):
        assert told(exchange, index) == {
            "adapter": ("string_param", "sql"),
            "beams": ("int64_param", 4),
            "fast": ("bool_param", True),
            "scale": ("double_param", 0.5),
        }


def test_without_any_there_are_none() -> None:
    assert told(ask(model())) == {}


def test_a_client_sets_what_the_operator_allows_and_wins() -> None:
    asked = model(parameters=OWN, allowed_parameters=frozenset({"beams", "depth", "note", "flag"}))
    parameters = {"beams": 8, "depth": 1.5, "note": "x", "flag": False}
    found = told(ask(asked, triton_parameters=parameters))
    assert found["beams"] == ("int64_param", 8)
    assert found["depth"] == ("double_param", 1.5)
    assert found["note"] == ("string_param", "x")
    assert found["flag"] == ("bool_param", False)
    assert found["adapter"] == ("string_param", "sql")


@pytest.mark.parametrize("unsupported", ["reject", "ignore"])
def test_a_name_that_is_not_allowed_is_refused(unsupported: str) -> None:
    asked = model(parameters=OWN, allowed_parameters=frozenset({"depth"}), unsupported=unsupported)
    with pytest.raises(BridgeError) as caught:
        ask(asked, triton_parameters={"depth": 1, "beams": 8})
    assert (caught.value.reason, caught.value.param) == (
        Reason.UNSUPPORTED_PARAMETER,
        "triton_parameters.beams",
    )
    assert caught.value.model == "plain"


def test_a_parameter_without_a_value_is_refused() -> None:
    asked = model(allowed_parameters=frozenset({"depth"}))
    with pytest.raises(BridgeError) as caught:
        request_parameters({"triton_parameters": {"depth": TritonParameter()}}, asked)
    assert (caught.value.reason, caught.value.param) == (Reason.INVALID_VALUE, "triton_parameters.depth")


@pytest.mark.parametrize(
    ("levels", "asked", "sent"),
    [
        pytest.param(3, 1, 1, id="the highest"),
        pytest.param(3, 3, 3, id="the lowest"),
        pytest.param(3, 99, 3, id="lower than the lowest"),
        pytest.param(3, 0, None, id="the model's default"),
        pytest.param(3, None, None, id="absent"),
        pytest.param(0, 0, None, id="neutral without a queue"),
    ],
)
def test_a_priority_is_a_level_of_the_models_queue(levels: int, asked: int | None, sent: int | None) -> None:
    found = told(ask(model(priority_levels=levels), priority=asked))
    assert found == ({} if sent is None else {"priority": ("int64_param", sent)})


def test_a_priority_without_a_queue_is_refused() -> None:
    with pytest.raises(BridgeError) as caught:
        ask(model(), priority=1)
    assert (caught.value.reason, caught.value.param) == (Reason.UNSUPPORTED_PARAMETER, "priority")


def test_a_default_priority_is_one_too() -> None:
    asked = model(priority_levels=3, defaults={"priority": 2})
    assert told(ask(asked)) == {"priority": ("int64_param", 2)}
    assert told(ask(asked, priority=1)) == {"priority": ("int64_param", 1)}


def test_the_table_of_carriers_is_not_asked_for_these() -> None:
    queued, plain = model(priority_levels=1), model()
    assert by_parameter("priority", queued)
    assert not by_parameter("priority", plain)
    assert by_parameter("triton_parameters", plain)
    assert not by_parameter("seed", queued)
