"""What chat templates have, and what they must not reach."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from bridge.errors import BridgeError
from bridge.protocol.chat_template import ChatTemplate

NOW = datetime(2024, 7, 26, 9, 5, tzinfo=UTC)
USER = {"role": "user", "content": "Grüße, 世界 <b>"}
FAILED = "the chat template failed in line 1"


def render(source: str, **options: Any) -> str:
    return ChatTemplate(source, {}).render([USER], now=NOW, **options)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("{{ strftime_now('%d %b %Y') }}", "26 Jul 2024", id="strftime_now"),
        pytest.param("{% macro m() %}{{ strftime_now('%H') }}{% endmacro %}{{ m() }}", "09", id="in a macro"),
        pytest.param("{{ messages[0] | tojson }}", json.dumps(USER, ensure_ascii=False), id="tojson"),
        pytest.param(
            "{{ {'b': 1, 'a': 'é'} | tojson(ensure_ascii=true) }}", r'{"b": 1, "a": "\u00e9"}', id="ascii"
        ),
        pytest.param("{{ {'b': 1} | tojson(indent=2) }}", '{\n  "b": 1\n}', id="indent"),
        pytest.param("{{ {'b': 1, 'a': 2} | tojson(sort_keys=true) }}", '{"a": 2, "b": 1}', id="sort_keys"),
        pytest.param("{{ [1, 2] | tojson(separators=(',', ':')) }}", "[1,2]", id="separators"),
        pytest.param(
            "{% for i in range(9) %}{% if i == 1 %}{% continue %}{% endif %}"
            "{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}",
            "02",
            id="loopcontrols",
        ),
        pytest.param(
            "{% set ns = namespace(n=0) %}"
            "{% for i in [1, 2] %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}",
            "3",
            id="namespace",
        ),
        pytest.param("{% generation %}a{{ 1 + 1 }}{% endgeneration %}b", "a2b", id="generation"),
        pytest.param("{% if true %}\n  x\n  {% endif %}\ny", "  x\ny", id="blocks leave no line"),
        pytest.param("{{ nothing }}{{ 'n' if nothing is not defined }}", "n", id="undefined is empty"),
        pytest.param("{{ messages[0].name }}{{ messages[0].get('name') }}", "None", id="missing keys"),
        pytest.param("{{ tools }}{{ documents }}", "NoneNone", id="tools and documents are none"),
        pytest.param("{{ messages[0].content.upper()[:2] }}", "GR", id="methods of strings"),
        pytest.param(
            "{% for k, v in messages[0].items() %}{{ k }},{% endfor %}", "role,content,", id="items"
        ),
        pytest.param("{{ '<b>' }}", "<b>", id="no escapes"),
        pytest.param(
            "{{ '-' * 3 }}{{ [0] * 2 }}{{ 3 * 4 }}{{ 2 ** 8 }}{{ 1.5 * 2 }}", "---[0, 0]122563.0", id="*"
        ),
    ],
)
def test_templates_have_what_transformers_gives_them(source: str, expected: str) -> None:
    assert render(source) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "''.__class__.__mro__[1].__subclasses__()",
        "messages.__class__",
        "messages[0].__class__.__init__",
        "messages[0]['__class__']['__init__']",
        "raise_exception.__globals__",
        "strftime_now.__self__.__class__",
        "cycler.__init__.__globals__.os",
        "joiner.__init__.__globals__",
        "namespace.__init__.__globals__",
        "range.__class__",
        "self.__init__.__globals__",
        "self._TemplateReference__context.environment",
        "(messages | attr('__class__')).x",
        "([messages] | map(attribute='__class__') | list)[0].x",
        "'{0.__class__}'.format(messages)",
        "'{a.__class__}'.format_map({'a': messages})",
        "(''.format)('{0.__class__}').x.y",
        "lipsum.__globals__.os",
        "(lipsum | attr('__globals__')).x",
        "dict.fromkeys.__self__.mro()",
        "'%s' | format(messages.__class__)",
        "messages | map('attr', '__class__') | join",
    ],
)
def test_a_template_cannot_leave_the_sandbox(expression: str) -> None:
    try:
        seen = render("{{ " + expression + " }}")
    except BridgeError as error:
        seen = error.message
    # What is unsafe looks undefined: empty when written, an error when used.
    assert seen in {"", f"{FAILED} (SecurityError)", f"{FAILED} (UndefinedError)"}


@pytest.mark.parametrize(
    "expression",
    [
        "messages.append(1)",
        "messages.pop()",
        "messages.clear()",
        "messages[0].update(role='system')",
        "messages[0].setdefault('x', 1)",
        "tools[0].clear()",
        "messages.sort()",
    ],
)
def test_a_template_cannot_change_what_it_reads(expression: str) -> None:
    messages, tools = [dict(USER)], [{"name": "f"}]
    with pytest.raises(BridgeError, match="SecurityError"):
        ChatTemplate("{{ " + expression + " }}", {}).render(messages, now=NOW, tools=tools)
    assert (messages, tools) == ([USER], [{"name": "f"}])


@pytest.mark.parametrize(
    "expression",
    [
        "range(10 ** 9) | list",
        "'a' * 10 ** 10",
        "10 ** 5 * 'aaaaaaaaaaaaaaa'",
        "[0] * 10 ** 9",
        "9 ** (9 ** 9)",
    ],
)
def test_one_operator_cannot_fill_the_memory(expression: str) -> None:
    with pytest.raises(BridgeError, match=r"SecurityError|OverflowError"):
        render("{{ " + expression + " }}")
