"""Let a model call a function and answer with its result. Run `make demo` first, and `pip install openai`."""

import json

from openai import OpenAI


def get_weather(city: str) -> dict[str, object]:
    """Stand for a service that knows."""
    return {"city": city, "sky": "sunny", "degrees": 18}


client = OpenAI(base_url="http://127.0.0.1:8080/v1", api_key="none")
parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
function = {"name": "get_weather", "description": "Get the weather of a city", "parameters": parameters}
tools = [{"type": "function", "function": function}]
messages = [{"role": "user", "content": "What is the weather in Paris and in Oslo?"}]

answer = client.chat.completions.create(model="demo-tools", messages=messages, tools=tools)
message = answer.choices[0].message
messages.append(message.model_dump(exclude_none=True))
for call in message.tool_calls or ():
    print(f"{call.function.name}({call.function.arguments})")
    result = get_weather(**json.loads(call.function.arguments))
    messages.append({"role": "tool", "tool_call_id": call.id, "content": json.dumps(result)})

answer = client.chat.completions.create(model="demo-tools", messages=messages, tools=tools)
print(answer.choices[0].message.content)
