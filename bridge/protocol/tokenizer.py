"""A model's tokenizer: text to token ids and back, by the optional package `tokenizers`.

The only importer of that package, and only when the first tokenizer is built. It decides nothing about
requests: `prompt_tokens` and `answer_tokens` do. Methods may be called from several threads at once.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    import tokenizers

LONG_TEXT: Final = 4096
"""Characters (or ids) from which work belongs into a thread: beyond about 1 ms of the event loop's time."""

_BYTE_TOKEN_LENGTH: Final = len("<0x0A>")


class Tokenizer:
    """One tokenizer, immutable after it is built."""

    def __init__(
        self, source: bytes, *, bos_token: str | None = None, add_bos_token: bool | None = None
    ) -> None:
        """Build a tokenizer.

        Args:
            source: the content of a `tokenizer.json`.
            bos_token: the token that begins a sequence, from `tokenizer_config.json`.
            add_bos_token: whether it does; None leaves it to `source`.

        Raises:
            ValueError: the source is no tokenizer, or the package `tokenizers` is not installed.
        """
        self._tokenizer = _build(source)
        added = self._tokenizer.get_added_tokens_decoder()
        self._contents = {number: token.content for number, token in added.items()}
        self._bytes_of = _byte_reader(self._tokenizer)
        known = set(self._tokenizer.get_vocab().values())
        self.vocab_size: Final[int] = max(known, default=-1) + 1
        """One more than the greatest token id."""
        self._has_gaps = len(known) < self.vocab_size
        self._prefix, self._suffix = self._frame(bos_token, add_bos_token)

    @property
    def special_count(self) -> int:
        """Tokens that `add_special_tokens` adds to a text."""
        return len(self._prefix) + len(self._suffix)

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        """Return the ids of a text; special tokens spelled in it count as such.

        Costs about 0.2 ms per 1000 characters, without the interpreter's lock.
        """
        # A batch of one: unlike `encode` it releases the lock, and it makes no offsets.
        ids: list[int] = self._tokenizer.encode_batch_fast([text], add_special_tokens=False)[0].ids
        return [*self._prefix, *ids, *self._suffix] if add_special_tokens else ids

    def count(self, text: str, *, add_special_tokens: bool) -> int:
        """Return the number of tokens of a text."""
        return len(self.encode(text, add_special_tokens=add_special_tokens))

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where the tokens of a text begin and end in it, in characters.

        Tokens of one character share its span; space before a word may lie between two spans.
        """
        spans: list[tuple[int, int]]
        spans = self._tokenizer.encode_batch([text], add_special_tokens=False)[0].offsets
        return spans

    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool) -> str:
        """Return the text of ids, all of which must be tokens; U+FFFD stands for parts of characters."""
        texts: list[str] = self._tokenizer.decode_batch([ids], skip_special_tokens=skip_special_tokens)
        return texts[0]

    def token(self, number: int) -> str | None:
        """Return a token as the vocabulary spells it (`Ġthe`, `▁the`, `<0x0A>`), None if there is none."""
        if not 0 <= number < self.vocab_size:
            return None
        found: str | None = self._tokenizer.id_to_token(number)
        return found

    def first_unknown(self, ids: Sequence[int]) -> int | None:
        """Return the position of the first id that is no token, None if all are."""
        if not ids or not (self._has_gaps or min(ids) < 0 or max(ids) >= self.vocab_size):
            return None
        return next((at for at, number in enumerate(ids) if self.token(number) is None), None)

    def token_bytes(self, number: int) -> bytes | None:
        """Return what a token adds to a text, in UTF-8 or parts of it.

        None if there is no such token, or where that depends on its neighbours (WordPiece and the like).
        """
        if number in self._contents:
            return self._contents[number].encode()
        token = self.token(number)
        return None if token is None else self._bytes_of(token)

    def framed(self, text: str) -> str:
        """Return a text with the special tokens around it, spelled out."""
        before, after = ("".join(self.token(i) or "" for i in ids) for ids in (self._prefix, self._suffix))
        return f"{before}{text}{after}"

    def unframed(self, ids: Sequence[int]) -> Sequence[int]:
        """Return ids without the special tokens that an engine would add again."""
        if self._prefix and list(ids[: len(self._prefix)]) == self._prefix:
            ids = ids[len(self._prefix) :]
        if self._suffix and list(ids[-len(self._suffix) :]) == self._suffix:
            ids = ids[: -len(self._suffix)]
        return ids

    def _frame(self, bos_token: str | None, add_bos_token: bool | None) -> tuple[list[int], list[int]]:
        """Return the special tokens before and after a text.

        Many `tokenizer.json` leave the first one to `add_bos_token`, which then wins.
        """
        plain, full = (self._tokenizer.encode("a", add_special_tokens=flag).ids for flag in (False, True))
        at = next(k for k in range(len(full) + 1) if full[k : k + len(plain)] == plain)
        prefix, suffix = full[:at], full[at + len(plain) :]
        bos = None if bos_token is None else self._tokenizer.token_to_id(bos_token)
        if bos is not None and add_bos_token is not None and (prefix[:1] == [bos]) != add_bos_token:
            prefix = [bos, *prefix] if add_bos_token else prefix[1:]
        return prefix, suffix


def _build(source: bytes) -> tokenizers.Tokenizer:
    try:
        import tokenizers  # noqa: PLC0415 - an optional extra
    except ImportError as exc:
        raise ValueError(
            "needs the package tokenizers, which is not installed: pip install 'openai-bridge[tokenizer]'"
        ) from exc
    try:
        built = tokenizers.Tokenizer.from_buffer(source)
    except Exception as exc:  # the package raises nothing narrower
        raise ValueError(f"no tokenizer: {exc}") from exc
    # Many files carry the limits of a training run, which would cut and pad in silence.
    built.no_truncation()
    built.no_padding()
    return built


class _ByteLevel:
    """Tokens spelled with one printable character per byte, as GPT-2 does."""

    def __init__(self) -> None:
        printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
        others = [byte for byte in range(0x100) if byte not in printable]
        self._byte_of = {chr(byte): byte for byte in printable}
        self._byte_of |= {chr(0x100 + at): byte for at, byte in enumerate(others)}

    def __call__(self, token: str) -> bytes | None:
        found = [self._byte_of.get(char) for char in token]
        return bytes(byte for byte in found if byte is not None) if None not in found else None


class _Sentencepiece:
    """Tokens spelled as text, with a mark for the space and `<0xNN>` for bytes outside the vocabulary."""

    def __init__(self, space: str) -> None:
        self._space = space

    def __call__(self, token: str) -> bytes | None:
        if len(token) == _BYTE_TOKEN_LENGTH and token.startswith("<0x") and token.endswith(">"):
            return bytes.fromhex(token[3:5])
        return token.replace(self._space, " ").encode()


def _unknown(_: str) -> None:
    """Stand for decoders that look at more than one token."""


def _byte_reader(tokenizer: tokenizers.Tokenizer) -> Any:
    """Return the function from a token's spelling to its bytes."""
    if tokenizer.decoder is None:
        return _unknown
    state: dict[str, Any] = json.loads(tokenizer.decoder.__getstate__())
    steps = {step["type"]: step for step in state.get("decoders", [state])}
    if "ByteLevel" in steps:
        return _ByteLevel()
    if "Metaspace" in steps:
        return _Sentencepiece(steps["Metaspace"]["replacement"])
    replaced = steps.get("Replace", {})
    if replaced.get("content") == " " and "String" in replaced.get("pattern", {}):
        return _Sentencepiece(replaced["pattern"]["String"])
    return _unknown
