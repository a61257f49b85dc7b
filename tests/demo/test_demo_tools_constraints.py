"""Constraints as the vLLM backend takes them, and those of them that are no schema."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rule_lm.answer import PURPOSE
from rule_lm.constraint import taken

from tests.demo.tool_prompts import answered, called, returned, user

PARTS = st.from_regex(r"[a-c]{1,3}|\\d|\[x-z\]|\(ab\|cd\)", fullmatch=True)
OBJECT = {"type": "object", "properties": {"a": {"const": 1}}}


@pytest.mark.parametrize("key", ["structured_outputs", "guided_decoding"])
def test_both_keys_are_understood(key: str) -> None:
    assert answered("x", key=key, json=OBJECT) == '{"a": 1}'


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"json": OBJECT}, id="an object"),
        pytest.param(json.dumps({"json": OBJECT}), id="its text"),
        pytest.param(json.dumps({"json": json.dumps(OBJECT)}), id="the schema as text too"),
        pytest.param({"json": OBJECT, "regex": None, "json_object": False, "backend": "x"}, id="idle"),
    ],
)
def test_a_constraint_is_taken_out_of_the_sampling_parameters(value: Any) -> None:
    constraint, others = taken({"max_tokens": 5, "structured_outputs": value})
    assert constraint is not None
    assert (constraint.kind, constraint.value) == ("json", OBJECT)
    assert others == {"max_tokens": 5}


@pytest.mark.parametrize(
    ("value", "why"),
    [
        pytest.param("{", "structured_outputs is not JSON", id="no JSON"),
        pytest.param([], "structured_outputs must be a JSON object", id="no object"),
        pytest.param({}, "exactly one of", id="nothing"),
        pytest.param({"regex": "a", "choice": ["a"]}, "exactly one of .* not 2", id="two"),
        pytest.param({"regex": "a", "speed": 1}, r"structured_outputs\.speed is unknown", id="unknown"),
        pytest.param({"json": "true"}, r"structured_outputs\.json must be", id="a schema that is no object"),
        pytest.param({"json": 3}, r"structured_outputs\.json must be", id="a number for a schema"),
        pytest.param({"choice": []}, r"structured_outputs\.choice is malformed", id="no choice"),
        pytest.param({"regex": ["a"]}, r"structured_outputs\.regex is malformed", id="no text"),
        pytest.param({"structural_tag": {}}, r"structural_tag is not supported", id="structural tag"),
        pytest.param({"json_object": True, "whitespace_pattern": " "}, "_pattern must", id="spaces"),
        pytest.param({"json_object": True, "whitespace_pattern": "("}, "_pattern is", id="pattern"),
    ],
)
def test_a_wrong_constraint_is_refused(value: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        taken({"structured_outputs": value})


def test_two_constraints_are_refused() -> None:
    with pytest.raises(ValueError, match="only one of"):
        taken({"structured_outputs": {"regex": "a"}, "guided_decoding": {"regex": "a"}})


@pytest.mark.parametrize("option", [{"disable_any_whitespace": True}, {"whitespace_pattern": "[ ]?"}])
def test_json_is_written_without_white_space_where_that_is_demanded(option: dict[str, Any]) -> None:
    schema = {"type": "object", "properties": {"a": {"const": 1}, "b": {"const": [1, 2]}}}
    assert answered("x", json=schema, **option) == '{"a":1,"b":[1,2]}'


def test_undeclared_properties_can_be_forbidden() -> None:
    schema = {"type": "object", "properties": {"a": {"const": 1}}, "minProperties": 2}
    assert len(json.loads(answered("x", json=schema))) == 2
    with pytest.raises(ValueError, match="finds no value"):
        answered("x", json=schema, disable_additional_properties=True)


def test_any_object_holds_an_answer() -> None:
    assert json.loads(answered("x", json_object=True)) == {"answer": PURPOSE}


def test_any_object_is_what_a_tool_returned() -> None:
    talk = (user("x"), called("f"), returned('{"sky": "grey"}'))
    assert json.loads(answered(*talk, json_object=True)) == {"sky": "grey"}


@pytest.mark.parametrize(
    ("message", "chosen"),
    [
        pytest.param("I like it, positive", "positive", id="mentioned"),
        pytest.param("a very positive one", "very positive", id="the longest mentioned"),
        pytest.param("so much negativity", "negative", id="nearly mentioned"),
        pytest.param("hm", "negative", id="the first where none is mentioned"),
    ],
)
def test_a_choice_is_made(message: str, chosen: str) -> None:
    assert answered(message, choice=["negative", "positive", "very positive"]) == chosen


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param(r"[A-Z]{3}-\d{4}", id="classes"),
        pytest.param(r"(yes|no)(, sir)?", id="branches"),
        pytest.param(r"^\w+@\w+\.com$", id="anchors"),
        pytest.param(r"(?P<day>\d\d)/(?P=day)", id="groups"),
        pytest.param(r"(?i:abc)[^a-z\s]+?\W", id="negation"),
        pytest.param(r"(?!a)[ab]", id="look-ahead"),
        pytest.param(r"", id="empty"),
    ],
)
def test_a_text_for_a_regular_expression_matches_as_a_whole(pattern: str) -> None:
    assert re.fullmatch(pattern, answered("x", regex=pattern, backend=None))


@given(
    st.from_regex(r"[a-c]{1,3}|\\d|\[x-z\]|\(ab\|cd\)", fullmatch=True),
    st.sampled_from(["", "?", "+", "{2,3}"]),
)
def test_any_simple_regular_expression_is_matched(part: str, times: str) -> None:
    pattern = f"(?:{part}){times}{part}"
    assert re.fullmatch(pattern, answered("x", regex=pattern))


def test_a_word_of_the_message_that_matches_is_preferred() -> None:
    assert answered("the code is XY-77.", regex=r"[A-Z]{2}-\d\d") == "XY-77"


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        pytest.param("(", "no regular expression as Python has it", id="malformed"),
        pytest.param("a(?!)", "finds no text for the regular expression", id="impossible"),
    ],
)
def test_a_regular_expression_that_cannot_be_satisfied_is_refused(pattern: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        answered("x", regex=pattern)


ARITHMETIC = """
root  ::= expr   # GBNF
expr  ::= expr " + " term | term
term  ::= [0-9]+ | "(" expr ")"
"""
LARK = """
start: greeting (", " NAME)? "!"  // Lark
?greeting.2: "hello" | "good" " " "day" -> day
NAME: /[A-Z][a-z]+/
%ignore " "
"""


@pytest.mark.parametrize(
    ("grammar", "message", "expected"),
    [
        pytest.param('root ::= "yes" | "no"', "oh no", "no", id="mentioned"),
        pytest.param('root ::= "yes" | "no"', "hm", "yes", id="first"),
        pytest.param(ARITHMETIC, "add 17", "17", id="recursion ends"),
        pytest.param('root ::= ("a" "b"){2} [x-z]{3} "c"* "d"?', "", "ababxyz", id="repetitions"),
        pytest.param(LARK, "say good day", "good day!", id="Lark"),
        pytest.param('start: ["a"] "b" ~ 2..3', "", "bb", id="Lark's options"),
        pytest.param('root ::= "\\"\\u00e4\\n"', "", '"ä\n', id="escapes"),
    ],
)
def test_a_grammar_is_followed(grammar: str, message: str, expected: str) -> None:
    assert answered(message, grammar=grammar) == expected


@pytest.mark.parametrize(
    ("grammar", "why"),
    [
        pytest.param("yes or no", "no rule", id="no grammar"),
        pytest.param('main ::= "a"', "there is no rule 'root'", id="no start"),
        pytest.param("root ::= other", "there is no rule 'other'", id="missing rule"),
        pytest.param('root ::= "a" root', "the rule 'root' never ends", id="endless"),
        pytest.param('root ::= ("a"', r"'\)' is missing", id="open bracket"),
        pytest.param('root ::= "a")', r"'\)' has no beginning", id="closing bracket"),
        pytest.param("root ::= * ", r"nothing for '\*' to repeat", id="nothing repeated"),
        pytest.param('root ::= "a" ; "b"', "'; \"b\"' is not understood", id="unknown notation"),
        pytest.param("start: INT\n%import common.INT", "%import is not supported", id="import"),
        pytest.param("root ::= [a-", "is missing", id="open class"),
    ],
)
def test_a_grammar_that_is_not_understood_is_refused(grammar: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        answered("x", grammar=grammar)
