"""Stream a chat with the typed pure-Python client of the wheel: grpclib, no C. Run `make demo` first."""

import asyncio

from grpclib.client import Channel
from openai_bridge_betterproto.openai_bridge import v1


async def main() -> None:
    """Print one answer as it comes."""
    channel = Channel("127.0.0.1", 50051)
    try:
        question = v1.ChatMessage(
            role=v1.Role.USER, content=[v1.ContentPart(text="How do I import a module?")]
        )
        request = v1.CreateChatCompletionRequest(model="demo", messages=[question], max_completion_tokens=60)
        async for message in v1.ChatServiceStub(channel).create_chat_completion_stream(request):
            print(message.choices[0].delta.content or "", end="", flush=True)
        print()
    finally:
        channel.close()


asyncio.run(main())
