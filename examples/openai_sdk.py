"""Stream a chat with the unmodified OpenAI SDK. Run `make demo` first, and `pip install openai`."""

from openai import OpenAI

client = OpenAI(base_url="http://127.0.0.1:8080/v1", api_key="none")
stream = client.chat.completions.create(
    model="demo",
    messages=[{"role": "user", "content": "How do I import a module?"}],
    max_completion_tokens=60,
    seed=1,
    stream=True,
    stream_options={"include_usage": True},
)
for chunk in stream:
    for choice in chunk.choices:
        print(choice.delta.content or "", end="", flush=True)
        if choice.finish_reason:
            print(f"\n[{choice.finish_reason}]")
    if chunk.usage:
        print(f"[{chunk.usage.prompt_tokens} tokens in, {chunk.usage.completion_tokens} out]")
