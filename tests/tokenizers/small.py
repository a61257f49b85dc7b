"""Small tokenizers made on the spot, in the three spellings that models have: nothing is downloaded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

if TYPE_CHECKING:
    from pathlib import Path

BOS, EOS, TURN = "<s>", "</s>", "<|turn|>"
SPECIAL = [BOS, EOS, TURN]

CORPUS = (
    "the quick brown fox jumps over the lazy dog",
    "a question is asked and the answer is given: what is the capital of France? Paris.",
    "sentences, with commas; and numbers 1 2 3 12 123 1234",
    "déjà vu, naïve café, 🙂 🙂 日本語 日本",
)

TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|turn|>{{ message.role }}\n{{ message.content }}</s>"
    "{% endfor %}{% if add_generation_prompt %}<|turn|>assistant\n{% endif %}"
)


def byte_level(*, bos: bool = True) -> Tokenizer:
    """Return a byte-level BPE such as Llama 3 and Qwen have; `bos` puts BOS before every text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=[AddedToken(text, special=True, normalized=False) for text in SPECIAL],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    # As in Llama 3: offsets leave out the space before a word.
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    if bos:
        first = processors.TemplateProcessing(single=f"{BOS} $A", special_tokens=[(BOS, 0)])
        tokenizer.post_processor = processors.Sequence([tokenizer.post_processor, first])
    return tokenizer


def sentencepiece() -> Tokenizer:
    """Return a BPE with byte fallback such as Llama 2 and Gemma have: `▁` for the space."""
    pieces = [
        *SPECIAL,
        "<unk>",
        *(f"<0x{byte:02X}>" for byte in range(256)),
        "▁",
        *"abcdefghijklmnopqrstuvwxyz",
    ]
    vocab = {piece: number for number, piece in enumerate([*pieces, "▁t", "he", "▁the"])}
    merges = [("▁", "t"), ("h", "e"), ("▁t", "he")]
    tokenizer = Tokenizer(models.BPE(vocab, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in SPECIAL])
    return tokenizer


def wordpiece() -> Tokenizer:
    """Return a WordPiece such as BERT has, with `<s>` and `</s>` around a text."""
    vocab = {text: number for number, text in enumerate([*SPECIAL, "<unk>", "a", "the", "##re", "dog"])}
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A {EOS}", special_tokens=[(BOS, 0), (EOS, 1)]
    )
    tokenizer.add_special_tokens(SPECIAL)
    return tokenizer


def source(tokenizer: Tokenizer) -> bytes:
    """Return the content of its `tokenizer.json`."""
    text: str = tokenizer.to_str()
    return text.encode()


def write(directory: Path, tokenizer: Tokenizer, config: Any = None, **files: str) -> Path:
    """Write a tokenizer's directory.

    Args:
        directory: made if it is not there.
        tokenizer: for `tokenizer.json`.
        config: JSON of `tokenizer_config.json`, if it is not None.
        files: further files; a double underscore stands for the dot of a name.
    """
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "tokenizer.json").write_bytes(source(tokenizer))
    if config is not None:
        (directory / "tokenizer_config.json").write_text(json.dumps(config))
    for name, text in files.items():
        (directory / name.replace("__", ".")).write_text(text)
    return directory
