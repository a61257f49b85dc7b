"""A protoc plugin that runs grpc_tools' built-in `grpc_python` generator, so that `buf generate` can use it.

It reads a `CodeGeneratorRequest` from standard input and writes a `CodeGeneratorResponse` to standard output,
nothing else. It also returns the empty package files of gen/, which `clean: true` would remove. It knows no
message by name. It stands in proto/ because buf ignores it there and the wheel does not contain it.
"""  # noqa: INP001 - a script beside the schema, not part of a package

import sys
import tempfile
from pathlib import Path

from google.protobuf.compiler import plugin_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc

PACKAGE_FILES = (
    "openai_bridge/__init__.py",
    "openai_bridge/py.typed",
    "openai_bridge/v1/__init__.py",
    "openai_bridge_betterproto/py.typed",
)


def generate(request: plugin_pb2.CodeGeneratorRequest) -> plugin_pb2.CodeGeneratorResponse:
    """Returns one `_pb2_grpc.py` per requested file and the package files, or `error` if protoc refuses."""
    # Without this feature buf warns and protoc refuses every `optional` field.
    response = plugin_pb2.CodeGeneratorResponse(
        supported_features=plugin_pb2.CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL
    )
    with tempfile.TemporaryDirectory() as folder:
        descriptors = Path(folder, "descriptors.binpb")
        descriptors.write_bytes(FileDescriptorSet(file=request.proto_file).SerializeToString())
        out = Path(folder, "out")
        out.mkdir()
        target = f"{request.parameter}:{out}" if request.parameter else str(out)
        arguments = ["protoc", f"--descriptor_set_in={descriptors}", f"--grpc_python_out={target}"]
        if protoc.main([*arguments, *request.file_to_generate]) != 0:
            response.error = "grpc_tools.protoc failed: its message stands above on standard error"
            return response
        for path in sorted(out.rglob("*.py")):
            response.file.add(name=path.relative_to(out).as_posix(), content=path.read_text("utf-8"))
    for name in PACKAGE_FILES:
        response.file.add(name=name, content="")
    return response


if __name__ == "__main__":
    wanted = plugin_pb2.CodeGeneratorRequest.FromString(sys.stdin.buffer.read())
    sys.stdout.buffer.write(generate(wanted).SerializeToString())
