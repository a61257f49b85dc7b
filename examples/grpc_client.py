"""Ask a typed question with grpc.aio and read a rich error. Run `make demo` first."""

import asyncio

import grpc
from google.rpc.error_details_pb2 import BadRequest
from grpc_status import rpc_status
from openai_bridge.v1 import chat_pb2, chat_pb2_grpc


async def main() -> None:
    """Print one answer, then what is wrong with a second question."""
    async with grpc.aio.insecure_channel("127.0.0.1:50051") as channel:
        stub = chat_pb2_grpc.ChatServiceStub(channel)
        question = chat_pb2.ChatMessage(
            role=chat_pb2.ROLE_USER, content=[chat_pb2.ContentPart(text="What is a class?")]
        )
        request = chat_pb2.CreateChatCompletionRequest(model="demo", messages=[question], max_tokens=60)
        answer = await stub.CreateChatCompletion(request, timeout=30)
        print(answer.choices[0].message.content)

        request.temperature = 3
        try:
            await stub.CreateChatCompletion(request, timeout=30)
        except grpc.aio.AioRpcError as exc:
            for detail in rpc_status.from_call(exc).details:
                violation = BadRequest()
                if detail.Unpack(violation):
                    print(exc.code().name, violation.field_violations[0].field)


asyncio.run(main())
