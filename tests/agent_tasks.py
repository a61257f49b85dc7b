"""What client frameworks ask of the model `demo-tools`, and what becomes of it by the model's rules.

One question for every way of asking, so that frameworks differ in nothing but themselves.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from openai import pydantic_function_tool
from pydantic import BaseModel, ConfigDict

from tests.openai_bodies import directed

MODEL: Final = "demo-tools"
UNGUIDED: Final = "plain"
"""A stand-in whose answers no constraint can form."""


class City(BaseModel):
    """A city."""

    model_config = ConfigDict(frozen=True)
    name: str
    motto: str | None


class Trip(BaseModel):
    """A trip; its JSON Schema has `$defs`, a choice of types, and an enumeration."""

    model_config = ConfigDict(frozen=True)
    city: City
    days: int
    purpose: Literal["work", "fun"]


class GetWeather(BaseModel):
    """Get the weather of a city."""

    model_config = ConfigDict(frozen=True)
    city: str
    days: int | None


class Add(BaseModel):
    """Add two numbers."""

    model_config = ConfigDict(frozen=True)
    a: int
    b: int


def get_weather(city: str, days: int | None) -> dict[str, Any]:
    """Get the weather of a city."""
    return {"sky": f"sunny over {city}", "days": days}


TRIP_ASKED: Final = 'I go to the city Paris, whose motto is "afloat", for 3 days, for fun. Tell me in JSON.'
TRIP: Final = Trip(city=City(name="Paris", motto="afloat"), days=3, purpose="fun")
TRIP_TEXT: Final = TRIP.model_dump_json()

TOOLS: Final[list[Any]] = [
    pydantic_function_tool(GetWeather, name="get_weather"),
    pydantic_function_tool(Add, name="add"),
]
ASKED: Final = "What is the weather in Paris for the next 3 days?"
ARGUMENTS: Final = {"city": "Paris", "days": 3}
RESULT: Final = '{"sky": "sunny over Paris", "days": 3}'
ANSWER: Final = "The result of get_weather is: sky sunny over Paris, days 3."
BOTH_ASKED: Final = "What is the weather in Paris and Oslo?"
BOTH: Final = [{"city": "Paris", "days": None}, {"city": "Oslo", "days": None}]

REASONED: Final = directed(pieces=["<think>", "Let me", " see.", "</think>", "It is", " 4."])
"""Asks a stand-in whose reasoning is read for `REASONING`, then `REPLY`."""
REASONING: Final = "Let me see."
REPLY: Final = "It is 4."


def asking(text: str, /, model: str = MODEL, **fields: Any) -> dict[str, Any]:
    """Return the arguments of a request with one message of the user."""
    return {"model": model, "messages": [{"role": "user", "content": text}], **fields}
