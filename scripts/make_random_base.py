"""Make a GPT-2-architecture model with random weights and a tokenizer, for tests and benchmarks.

    python scripts/make_random_base.py --out reports/dialogpt-shape

The defaults are the shape of microsoft/DialoGPT-medium (24 layers, 1024 wide, 16 heads, 50,257
words): what it costs to train and to ask, without a model hub. The weights know nothing. The
tokenizer is byte-level BPE over GPT-2's own splitting rule, with numbers cut into at most three
digits, so that prompts have about as many tokens as GPT-2's would give them.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path
from typing import Any

import numpy as np

from rook_bench.core import Side
from rook_bench.core.files import whole_folder
from rook_bench.language.bpe import byte_level_bpe
from rook_bench.language.runtime import load_torch
from rook_bench.language.template import load_template
from rook_bench.market.simulation.simulate import simulate
from rook_bench.market.view import MarketView

PIECES = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}{1,3}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
VOCABULARY = 50_257

TAUGHT = ("codes", "numbers", "rook-v1", "seed")
"""Templates whose prompts the base is made of."""


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--layers", type=int, default=24)
    parser.add_argument("--width", type=int, default=1024)
    parser.add_argument("--heads", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    model = random_base(options.out, options.layers, options.width, options.heads, seed=options.seed)
    print(f"{model.num_parameters():,} random parameters: {options.out}")


def random_base(
    folder: Path, layers: int = 24, width: int = 1024, heads: int = 16, *, vocabulary: int = VOCABULARY, seed: int = 0
) -> Any:
    """Write config, random float32 weights and tokenizer to `folder`; returns the model."""
    torch = load_torch()
    from transformers import GPT2Config, GPT2LMHeadModel

    tokenizer = gpt2_like_tokenizer(seed)
    torch.manual_seed(seed)
    config = GPT2Config(
        vocab_size=max(vocabulary, len(tokenizer)),
        n_layer=layers,
        n_embd=width,
        n_head=heads,
        bos_token_id=tokenizer.eos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    model = GPT2LMHeadModel(config).eval()
    with whole_folder(folder) as aside:
        model.save_pretrained(aside)
        tokenizer.save_pretrained(aside)
    return model


def gpt2_like_tokenizer(seed: int = 0) -> Any:
    """Byte-level BPE that splits text as GPT-2 does, learned from prompts of a simulated tape."""
    view = MarketView.whole(simulate(300, np.random.default_rng(seed)))
    texts = [f"{space}{number}" for number in range(1000) for space in ("", " ")]
    for name in TAUGHT:
        template = load_template(name)
        texts += [text for text in template.render(view).texts if text]
        for side, slippage in itertools.product(Side, (30.0, 50.0)):
            # GPT-2 knows " buy" as one word but cuts " BUY" in two; upper case stays uncommon here too.
            pieces = template.answer.pieces(side, 0.05, slippage, 300.0)
            texts += ["".join(text for _, text in pieces if not text.isupper())]
    return byte_level_bpe(texts, PIECES, size=6000, positions=1024)


if __name__ == "__main__":
    main()
