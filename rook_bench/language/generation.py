"""Free generation and a strict reader: the seed's way of asking, kept for comparison."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rook_bench.core import InputError, Side
from rook_bench.language.manifest import Manifest
from rook_bench.language.reader import positions_of
from rook_bench.language.runtime import load_torch
from rook_bench.language.scoring import CPU_TOKENS, LONGEST, SPARE_TOKENS, ends_of
from rook_bench.language.tokens import Encoder


@dataclass(frozen=True)
class Written:
    """What a model wrote after a prompt.

    Attributes:
        text: without its end; prompt_tokens, tokens: read, and written with the end.
    """

    text: str
    prompt_tokens: int
    tokens: int


class Generator:
    """Writes answers greedily, token by token, until the end token.

    Args:
        model: a causal language model on its device.
        encoder: its tokenizer with the answer format.
        manifest: what answers training saw, for the longest one.
    """

    def __init__(self, model: Any, encoder: Encoder, manifest: Manifest) -> None:
        self.torch, self.model, self.encoder = load_torch(), model, encoder
        self.most = self._longest(manifest)
        self.positions = positions_of(model.config)
        self.ends = ends_of(model, encoder)

    def _longest(self, manifest: Manifest) -> int:
        """Tokens that are room enough for an answer."""
        form = manifest.template.answer.json_object
        if form is not None:
            return form.most_tokens
        told = [(side, values) for side in Side for values in manifest.values(side) or [LONGEST]]
        longest = max(len(self.encoder.answer_ids(side, *values)[0]) for side, values in told)
        return longest + SPARE_TOKENS + self.encoder.draft_length(manifest.draft)

    def __call__(self, prompts: Sequence[str], tick: Callable[[int], None] = lambda rows: None) -> list[Written]:
        """What the model writes after each prompt, as the tokenizer decodes it, its end token left out."""
        ids = self.encoder.prompts(prompts)
        out = [Written("", 0, 0)] * len(ids)
        by_length: dict[int, list[int]] = {}
        for row, tokens in enumerate(ids):
            by_length.setdefault(len(tokens), []).append(row)
        for length, rows in sorted(by_length.items()):
            if self.positions is not None and length + self.most > self.positions:
                what = f"a prompt of {length} tokens and an answer of up to {self.most}"
                raise InputError(f"{what} do not fit into a model of {self.positions} positions")
            size = max(1, CPU_TOKENS // (length + self.most))
            for start in range(0, len(rows), size):
                batch = rows[start : start + size]
                for row, written in zip(batch, self._write([ids[row] for row in batch]), strict=True):
                    out[row] = written
                tick(len(batch))
        return out

    def _write(self, ids: list[list[int]]) -> list[Written]:
        tokens = self.torch.tensor(ids, device=self.model.device)
        from transformers import GenerationConfig

        # Of its own: the one of a model's folder may sample, or punish repetition.
        greedy = GenerationConfig(
            max_new_tokens=self.most, do_sample=False, pad_token_id=self.encoder.end, eos_token_id=self.ends
        )
        with self.torch.inference_mode():
            written = self.model.generate(
                input_ids=tokens, attention_mask=self.torch.ones_like(tokens), generation_config=greedy
            )
        texts = []
        for row in written[:, tokens.shape[1] :].tolist():
            stop = next((place for place, token in enumerate(row) if token in self.ends), len(row))
            texts.append(Written(self.encoder.text_of(row[:stop]), tokens.shape[1], min(stop + 1, len(row))))
        return texts
