"""Tokenizers of the project's own: byte-level BPE under a splitting rule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rook_bench.language.runtime import load_torch

END = "<|endoftext|>"


def byte_level_bpe(texts: Iterable[str], pieces: str, *, size: int, positions: int, min_frequency: int = 0) -> Any:
    """A transformers tokenizer learned from texts.

    Args:
        texts: what it is learned from.
        pieces: regular expression (Oniguruma) of the pieces that no token crosses.
        size: most tokens.
        positions: longest text of the model it is for.
        min_frequency: how often a pair must occur to become a token.
    """
    load_torch()  # for its settings: transformers must not be imported before them
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pieces), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=min_frequency,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=core, eos_token=END, bos_token=END, pad_token=END, model_max_length=positions
    )
