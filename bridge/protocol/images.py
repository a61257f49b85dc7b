"""Images of chat messages: where they stand, what their bytes must be, how each family takes them.

Whatever a client calls an image is checked by its first bytes, and only bytes go on to the model: a URL of
the client's never does, for the model's host would fetch it without any limit. No error repeats a URL.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_to_bytes

from bridge.errors import BridgeError, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from openai_bridge.v1 import chat_pb2

    from bridge.protocol.signature import Signature

MEDIA_TYPES: Final = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})

MEDIA_KIND: Final = "image_url"
"""The kind of part, for `chat_messages.to_template(allowed=...)`."""

_ALIAS: Final = "image/jpg"
"""No media type, but what many programs write for `image/jpeg`."""

_WEBP: Final = slice(8, 12)
_SPACES: Final = bytes.maketrans(b"", b""), b" \t\n\r\f"


@dataclass(frozen=True, slots=True)
class Image:
    """One image, still encoded."""

    media_type: str
    """By its first bytes: one of `MEDIA_TYPES`."""
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ImageReference:
    """An image as the client gave it."""

    param: str
    """`messages[0].content[1].image_url.url`."""
    url: str = field(repr=False)

    @property
    def scheme(self) -> str:
        """`data`, `http`, ...; in lower case, empty if there is none."""
        scheme, colon, _ = self.url[:8].lstrip().partition(":")
        return scheme.lower() if colon else ""


def references(messages: Sequence[chat_pb2.ChatMessage]) -> list[ImageReference]:
    """Return the images of a conversation, in the order of their placeholders in the prompt."""
    return [
        ImageReference(f"messages[{i}].content[{j}].image_url.url", part.image_url.url)
        for i, message in enumerate(messages)
        for j, part in enumerate(message.content)
        if part.HasField(MEDIA_KIND)
    ]


def from_data_url(reference: ImageReference, max_bytes: int) -> Image:
    """Decode `data:image/png;base64,...`, or the percent-encoded form without `;base64`.

    Raises:
        BridgeError: it is malformed, too large, or no image of a type in `MEDIA_TYPES`.
    """
    head, comma, body = reference.url.lstrip()[len("data:") :].partition(",")
    media_type, *parameters = (word.strip().lower() for word in head.split(";"))
    if not comma:
        raise invalid(reference, "is no data URL")
    check_media_type(reference, media_type)
    data = unquote_to_bytes(body)
    if "base64" in parameters:
        data = _decode(reference, data)
    return checked(reference, data, max_bytes)


def _decode(reference: ImageReference, data: bytes) -> bytes:
    """Decode base64 as browsers do: white space is skipped, padding may be missing."""
    packed = data.translate(*_SPACES).rstrip(b"=")
    try:
        return base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)
    except binascii.Error as exc:
        raise invalid(reference, "is no valid base64") from exc


def checked(reference: ImageReference, data: bytes, max_bytes: int) -> Image:
    """Return the image that some bytes are.

    Raises:
        BridgeError: they are too many, or no image of a type in `MEDIA_TYPES`.
    """
    if len(data) > max_bytes:
        raise too_large(reference, max_bytes)
    for magic, media_type in (
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
    ):
        if data.startswith(magic):
            return Image(media_type, data)
    if data.startswith(b"RIFF") and data[_WEBP] == b"WEBP":
        return Image("image/webp", data)
    raise invalid(reference, "is no PNG, JPEG, WebP or GIF image")


def check_media_type(reference: ImageReference, media_type: str) -> None:
    """Check the type that a URL or a server declares.

    Raises:
        BridgeError: it is none of `MEDIA_TYPES`; one that is not even an image counts as malformed.
    """
    if media_type in MEDIA_TYPES or media_type == _ALIAS:
        return
    if media_type.startswith("image/"):
        known = ", ".join(sorted(MEDIA_TYPES))
        raise unsupported(reference, f"has a media type that is not one of {known}")
    raise invalid(reference, "is no image")


def image_input(signature: Signature) -> str | None:
    """Return the input that takes a model's images, or None if it takes none.

    TensorRT-LLM's `image_bytes_input` is not one: it takes decoded pixels of one size.
    """
    return next(
        (name for name in _INPUTS if name in signature.inputs and signature.inputs[name].datatype == "BYTES"),
        None,
    )


def image_inputs(
    signature: Signature, images: Sequence[Image], found: Sequence[ImageReference]
) -> Mapping[str, tuple[bytes, ...]]:
    """Return the elements of the input that takes a model's images; empty where there are no images.

    Args:
        signature: the model's tensors.
        images: in the order of their placeholders in the prompt.
        found: the same images as the client gave them, for errors.

    Raises:
        BridgeError: UNSUPPORTED_VALUE when the model takes no images, or not so many.
    """
    if not images:
        return {}
    name = image_input(signature)
    if name is None:
        raise unsupported(found[0], "is an image, which this model does not take")
    elements = tuple(_INPUTS[name](image) for image in images)
    if not signature.takes(name, elements):
        raise unsupported(found[-1], f"is one image too many: this model does not take {len(images)}")
    return {name: elements}


def _base64_text(image: Image) -> bytes:
    return base64.b64encode(image.data)


def _jpeg_url(image: Image) -> bytes:
    """Call every image a JPEG: TensorRT-LLM decodes no other data URL, and looks at the bytes then."""
    return b"data:image/jpeg;base64," + base64.b64encode(image.data)


def _data_url(image: Image) -> bytes:
    return f"data:{image.media_type};base64,".encode() + base64.b64encode(image.data)


_INPUTS: Final = {
    "image": _base64_text,  # vLLM, dims [-1]
    "image_url_input": _jpeg_url,  # TensorRT-LLM's BLS
    "image_url": _data_url,  # TensorRT-LLM's llmapi, dims [-1]
}
"""Input of one family -> what it wants of an image."""


def invalid(reference: ImageReference, what: str) -> BridgeError:
    """Return the error of an image that is not what it should be."""
    return BridgeError(Reason.INVALID_VALUE, f"'{reference.param}' {what}", param=reference.param)


def unsupported(reference: ImageReference, what: str) -> BridgeError:
    """Return the error of an image that this model or this server does not take."""
    return BridgeError(Reason.UNSUPPORTED_VALUE, f"'{reference.param}' {what}", param=reference.param)


def too_large(reference: ImageReference, max_bytes: int) -> BridgeError:
    """Return the error of an image over the limit."""
    return invalid(reference, f"is larger than {max_bytes} bytes")
