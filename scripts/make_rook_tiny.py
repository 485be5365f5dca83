"""Train models/base/rook-tiny from scratch: a small GPT-2 that reads market numbers.

    python scripts/make_rook_tiny.py --out models/base/rook-tiny --seed 11

The text is made from simulated tapes: every document is one swap in one of the shipped prompt
templates with the answer of ROOK's rule family under thresholds drawn at random for that
document's batch. The model so learns to read numbers and what such answers look like, but no
particular rule set, and it sees no recorded market. About fifteen minutes on two cores.
"""

from __future__ import annotations

import argparse
import itertools
import json
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np

from rook_bench.core import Side
from rook_bench.core.files import whole_folder
from rook_bench.core.hashing import sha256_code, sha256_file
from rook_bench.dataset.rules import Rules, apply_rules
from rook_bench.language.bpe import byte_level_bpe
from rook_bench.language.runtime import load_torch
from rook_bench.language.template import Template, load_template
from rook_bench.language.tokens import Encoder
from rook_bench.market.features import compute_features
from rook_bench.market.frame import SwapFrame
from rook_bench.market.simulation.simulate import Simulation, simulate
from rook_bench.market.view import MarketView

TAPES, SWAPS = 24, 20_000
SHARES = {"codes": 0.5, "numbers": 0.2, "seed": 0.2, "rook-v1": 0.1}
BATCH, STEPS, LEARNING_RATE, WARMUP = 128, 1500, 2e-3, 100
PROMPT_WEIGHT = 0.1
"""Weight of prompt tokens in the loss: the answers carry what is to be learned."""

SHAPE = {"n_layer": 4, "n_head": 6, "n_embd": 192, "n_positions": 256}

# A whole number of one or two digits is one token; every other digit is a token of its own.
PIECES = r" \d{1,2}(?![\d.,%\p{L}])| ?\d| ?\p{L}+| ?[^\s\p{L}\p{N}]|\s+"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("models/base/rook-tiny"))
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--steps", type=int, default=STEPS)
    options = parser.parse_args()
    torch = load_torch()
    torch.manual_seed(options.seed)
    rng = np.random.default_rng(options.seed)
    templates = {name: load_template(name) for name in SHARES}
    print("simulating", flush=True)
    tapes = [Tape(simulated(rng), templates) for _ in range(TAPES)]
    tokenizer = make_tokenizer(tapes, templates, rng)
    documents = Documents(tapes, templates, tokenizer, rng)
    started = time.time()
    model, losses = train(documents, tokenizer, options.steps)
    facts = {
        "seed": options.seed,
        "steps": options.steps,
        "batch": BATCH,
        "tapes": TAPES,
        "swaps_per_tape": SWAPS,
        "shares": SHARES,
        "parameters": model.num_parameters(),
        "losses": losses,
        "templates": {name: template.sha256 for name, template in templates.items()},
        "code": sha256_code("language", "market"),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "seconds": round(time.time() - started),
    }
    with whole_folder(options.out) as aside:
        model.half().save_pretrained(aside)
        tokenizer.save_pretrained(aside)
        (aside / "README.md").write_text(card(facts, sha256_file(aside / "model.safetensors")), encoding="utf-8")
        (aside / "training.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    print(f"{model.num_parameters():,} parameters in {facts['seconds']} s, losses {losses}: {options.out}")


def simulated(rng: np.random.Generator) -> SwapFrame:
    """A tape of a pool whose depth, price, activity and volatility are drawn at random."""
    depth = 10 ** rng.uniform(16.3, 19.2)
    scale = (depth / 1.1e19) ** 0.5
    config = Simulation(
        start_price_usd=float(rng.uniform(1200, 4800)),
        liquidity=int(depth),
        volatility_per_day=float(rng.uniform(0.015, 0.07)),
        orders_per_block=float(np.exp(rng.uniform(np.log(0.05), np.log(1.0)))),
        median_order_usd=1500 * scale,
        median_arbitrage_cost_usd=13 * scale,
        sandwich_least_usd=170_000 * scale,
        median_sandwich_usd=700_000 * scale,
    )
    return simulate(SWAPS, rng, config)


class Tape:
    """One tape's features, and its prompts in every template."""

    def __init__(self, frame: SwapFrame, templates: dict[str, Template]) -> None:
        self.at, self.features = frame.at_index, compute_features(frame)
        view = MarketView.whole(frame)
        self.prompts = {name: template.render(view).texts for name, template in templates.items()}
        self.rows = np.flatnonzero([bool(text) for text in self.prompts["codes"]])


def random_rules(rng: np.random.Generator) -> Rules:
    """A rule set of ROOK's family with thresholds, sizes and limits drawn at random."""

    def between(low: float, high: float) -> float:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    opening = int(rng.integers(0, 12))
    return Rules(
        mr_price_deviation_threshold=between(2e-4, 6e-3),
        mr_volume_multiplier=between(0.8, 2.5),
        mr_position_size=float(rng.integers(1, 11)) / 100,
        breakout_volatility_threshold=between(1e-4, 2e-3),
        breakout_volume_threshold=between(0.8, 2.5),
        breakout_price_momentum=between(2e-4, 4e-3),
        breakout_position_size=float(rng.integers(1, 11)) / 100,
        max_volatility_threshold=0.05,
        min_volatility_threshold=between(2e-5, 2e-4),
        max_liquidity_impact=between(1, 1000),
        max_slippage_bps=float(rng.choice([20, 30, 50, 100])),
        default_deadline_s=float(rng.choice([60, 120, 300, 600])),
        active_hours_start=opening if rng.random() < 0.2 else 0,
        active_hours_end=opening + 11 if rng.random() < 0.2 else 23,
    )


class Documents:
    """Batches of token ids with their loss weights."""

    def __init__(
        self, tapes: list[Tape], templates: dict[str, Template], tokenizer: Any, rng: np.random.Generator
    ) -> None:
        self.tapes, self.rng = tapes, rng
        self.encoders = {name: Encoder(tokenizer, template) for name, template in templates.items()}

    def batch(self) -> tuple[list[list[int]], list[list[float]]]:
        """Ids and loss weights of one batch, all in one template."""
        name = str(self.rng.choice(list(SHARES), p=list(SHARES.values())))
        encoder = self.encoders[name]
        ids, weights = [], []
        for tape in self.rng.choice(len(self.tapes), size=8):
            for prompt, answer in self._examples(self.tapes[tape], name, encoder, BATCH // 8):
                ids.append(prompt + answer)
                weights.append([PROMPT_WEIGHT] * len(prompt) + [1.0] * len(answer))
        return ids, weights

    def _examples(self, tape: Tape, name: str, encoder: Encoder, count: int) -> list[tuple[list[int], list[int]]]:
        labels = apply_rules(random_rules(self.rng), tape.features, tape.at)
        # Half of the rows trade, where the rules trade at all: a HOLD teaches little.
        trades = tape.rows[np.isin(labels.side[tape.rows], (Side.BUY, Side.SELL))]
        picked = self.rng.choice(tape.rows, size=count)
        if len(trades):
            picked[: count // 2] = self.rng.choice(trades, size=count // 2)
        prompts = encoder.prompts([tape.prompts[name][row] for row in picked])
        answers = [
            encoder.answer_ids(
                Side(labels.side[row]), labels.size[row], labels.slippage_bps[row], labels.deadline_s[row]
            )[0]
            for row in picked
        ]
        return list(zip(prompts, answers, strict=True))


def make_tokenizer(tapes: list[Tape], templates: dict[str, Template], rng: np.random.Generator) -> Any:
    """Byte-level BPE over PIECES, which keeps digits apart and small whole numbers together."""
    texts = [tape.prompts[name][row] for tape in tapes for name in templates for row in rng.choice(tape.rows, 200)]
    for template in templates.values():
        for side, slippage in itertools.product(Side, (30.0, 50.0)):
            texts.append("".join(text for _, text in template.answer.pieces(side, 0.05, slippage, 300.0)))
    texts += [f" {number}" for number in range(100)]
    return byte_level_bpe(texts, PIECES, size=2048, positions=SHAPE["n_positions"], min_frequency=1)


def train(documents: Documents, tokenizer: Any, steps: int) -> tuple[Any, dict[str, float]]:
    """Train from scratch with AdamW and a cosine schedule; returns the model and its losses on the way."""
    torch = load_torch()
    from transformers import GPT2Config, GPT2LMHeadModel, get_cosine_schedule_with_warmup

    config = GPT2Config(
        vocab_size=len(tokenizer),
        bos_token_id=tokenizer.eos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        **SHAPE,
    )
    model = GPT2LMHeadModel(config).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.01, betas=(0.9, 0.98))
    schedule = get_cosine_schedule_with_warmup(optimiser, WARMUP, steps)
    losses: dict[str, float] = {}
    recent: list[float] = []
    for step in range(1, steps + 1):
        ids, weights = documents.batch()
        longest = max(map(len, ids))
        tokens = torch.tensor([row + [tokenizer.eos_token_id] * (longest - len(row)) for row in ids])
        weight = torch.tensor([row + [0.0] * (longest - len(row)) for row in weights])[:, 1:]
        # Padding stands at the end, where a causal model's earlier positions do not see it.
        logits = model(input_ids=tokens).logits[:, :-1]
        each = torch.nn.functional.cross_entropy(logits.transpose(1, 2), tokens[:, 1:], reduction="none")
        loss = (each * weight).sum() / weight.sum()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad(set_to_none=True)
        recent.append(loss.item())
        if step % 250 == 0 or step == steps:
            losses[str(step)] = round(float(np.mean(recent)), 4)
            print(f"step {step} of {steps}: loss {losses[str(step)]}", flush=True)
            recent = []
    return model.eval(), losses


def card(facts: dict[str, Any], weights: str) -> str:
    """The model card."""
    return f"""---
license: mit
library_name: transformers
tags: [gpt2, trading, from-scratch]
---

# rook-tiny

A GPT-2-architecture language model with {facts["parameters"]:,} parameters ({SHAPE["n_layer"]} layers,
{SHAPE["n_embd"]} wide, {SHAPE["n_head"]} heads), made so that the whole path from fine-tuning to verdict
runs on a laptop without a model hub. It is a base for adapters, not a trader, and no stand-in for
DialoGPT-medium.

- **Text:** {facts["tapes"]} simulated ETH/USDC pools of {facts["swaps_per_tape"]:,} swaps each, in the prompt
  templates that ship with ROOK Bench, answered by ROOK's rule family with thresholds drawn at random
  for every sixteen documents. It has seen no recorded market and no fixed rule set. It therefore
  knows the *shape* of the answers (buy after falls, sell after rises, mostly on volume): judge an
  adapter against this base without its adapter (source `base:`), not against nothing.
- **Tokenizer:** byte-level BPE; whole numbers from 0 to 99 are one token each, every other digit stands alone.
- **Training:** {facts["steps"]:,} steps of {facts["batch"]} documents, AdamW, cosine schedule from {LEARNING_RATE},
  prompt tokens weighted {PROMPT_WEIGHT}; {facts["seconds"]} s on two cores. Loss by step: {facts["losses"]}.
- **Made by:** `python scripts/make_rook_tiny.py --seed {facts["seed"]} --steps {facts["steps"]}`
  (torch {facts["torch"]}; other versions may differ in the last digits).
- **Weights:** float16, SHA-256 `{weights}`.
"""


if __name__ == "__main__":
    main()
