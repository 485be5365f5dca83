"""Stage 3: what each action would have earned, taught to an adapter that imitates rules so far."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import ConfigError, InputError, Side
from rook_bench.language.critic import Critic, critic_hash, load_critic
from rook_bench.language.manifest import LearnedFrom, Manifest, PoolRecord, adapter_hash
from rook_bench.language.scoring import probabilities, trade_score
from rook_bench.language.template import Prompts, Template
from rook_bench.language.tokens import Encoder
from rook_bench.rewards.critic import chance_of_profit, clustered_mean
from rook_bench.rewards.folder import SPLITS, read_table
from rook_bench.training.data import TrainingData, check_made_of
from rook_bench.training.evaluation import side_scores
from rook_bench.training.examples import PROMPT, Collator, Example, part_codes
from rook_bench.training.lesson import Score, mean_figures, pool_facts
from rook_bench.training.policy_loss import Objective, PolicyLoss
from rook_bench.training.settings import TrainSettings

SOFT_BPS = 1.0
"""Expected rewards this far apart are told apart by a factor of e."""

STRESS = 1.5
"""Costs that the validation rows bear under the objective "utility": what lives on cheap costs is not kept."""


class Rewarded:
    """The rows of a prepared folder with their rewards and what the critic expects of them.

    Args:
        data: the prepared folder; rows of the train split, then those of validation.
        rewards: the folder of rewards, made of this very data with this very template.

    Raises:
        InputError: where they don't belong together.
    """

    def __init__(self, data: TrainingData, rewards: str | Path, template: Template) -> None:
        self.record, table = read_table(rewards)
        check_made_of(data, template, self.record.template, self.record.made_of, Path(rewards), "reward")
        self.folder, self.data = Path(rewards), data
        self.critic: Critic = load_critic(rewards)
        by_pool = [
            {name: np.flatnonzero(table[name].pool == place) for name in SPLITS} for place in range(len(data.folders))
        ]
        bps = np.vstack([table[name].bps[own[name]] for own in by_pool for name in SPLITS])
        sides = [action.side for action in self.record.actions]
        self.mirrored: Prompts = data.rendered(template, mirrored=True)
        # What trees say of the rows that they were fitted on promises more than they know, the more so the less there
        # is to know: a model is taught what is said of rows that trees had not seen.
        expected = np.vstack(
            [
                self.critic.utilities(np.concatenate([table[name].foretold[own[name]] for name in SPLITS]), pool)
                for pool, own in zip(data.pools, by_pool, strict=True)
            ]
        )
        self.expected = expected
        """Expected net reward of BUY, HOLD and SELL, bps, shape (rows, 3), foretold out of fold."""
        self.earned = np.zeros((len(bps), 3))
        """Net reward of BUY, HOLD and SELL as they came, bps, shape (rows, 3); NaN where undefined."""
        for side in (Side.BUY, Side.SELL):
            self.earned[:, side] = bps[:, sides.index(side)]
        self.usable = np.isfinite(np.hstack([self.earned, expected])).all(axis=1)

    def rows(self, split: NDArray[np.intp]) -> NDArray[np.intp]:
        """Those of a split's rows that have a prompt and a reward."""
        return split[np.asarray(self.usable)[split]]


class Policy:
    """Rewards: the probabilities of the three side words, taught from what each action is worth.

    Every row is taught beside its mirror image, so that a drift of the training days favours no side.

    Args:
        rewarded: rows with rewards.
        parent: the adapter that training goes on from; `told` is its record.
        settings, template: of the run.
    """

    def __init__(
        self, rewarded: Rewarded, parent: Path, told: Manifest, settings: TrainSettings, template: Template
    ) -> None:
        self.rewarded, self.told, self.settings, self.template = rewarded, told, settings, template
        data, record = rewarded.data, rewarded.critic.record
        self.chosen = data.draw(rewarded.rows(data.train), settings.max_samples, settings.seed)
        self.val = data.draw(rewarded.rows(data.val), settings.max_eval_samples, settings.seed)
        for name, rows in (("train", self.chosen), ("validation", self.val)):
            if not len(rows):
                raise InputError(f"no {name} row has a reward", where=rewarded.folder, hint="use a longer tape")
        hold = told.values(Side.HOLD) or [(0.0, 50.0, 300.0)]
        self.answers = {"BUY": [record.buy], "HOLD": hold[:1], "SELL": [record.sell]}
        self.parent_hash = adapter_hash(parent)
        self.identity: dict[str, Any] = {
            "data": data.data_hash,
            "parent": self.parent_hash,
            "rewards": rewarded.record.file,
            "critic": critic_hash(rewarded.folder),
        }
        known = [data.learned_from, record.learned_from, *([told.learned_from] if told.learned_from else [])]
        self.record: dict[str, Any] = {
            "class_weights": dict.fromkeys(("BUY", "HOLD", "SELL"), 1.0),
            "learned_from": LearnedFrom.union(known) if told.lessons_known else None,
            "confidence": "profit",
            "horizon_s": record.horizon_s,
        }
        if data.common is not None:
            even = dict.fromkeys(("BUY", "HOLD", "SELL"), 1.0)
            self.record["pools"] = [PoolRecord(**PoolRecord.names(pool), class_weights=even) for pool in data.pools]
        self.scale = float(rewarded.earned[self.chosen][:, [Side.BUY, Side.SELL]].std()) or 1.0
        self.texts = [data.prompts.texts[row] for row in self.val]

    def describe(self) -> list[str]:
        """What a person should know before training starts."""
        record, critic = self.rewarded.record, self.rewarded.critic.record
        ceiling = record.facts["ceiling"]
        said = "nothing is foretold" if ceiling["value"] is None else f"{ceiling['value']:.2f} ± {ceiling['se']:.2f}"
        lines = [
            f"{len(self.chosen):,} train rows and their mirror images, {len(self.val):,} validation rows; "
            f"objective: {self.objective}",
            f"critic: mark-outs follow its forecasts at {critic.slope:.2f} ± {critic.slope_se:.2f}, shrunk by "
            f"{critic.shrunk:.2f}; an order costs {critic.cost_bps:.2f} bps",
            f"reward ceiling (with every feature there is): {said}",
        ]
        if all(one.shrunk == 0 for one in critic.pools or (critic,)) and self.objective == "critic":
            lines.append("no edge found, or too short to tell: the model learns to hold")
        return lines

    @property
    def objective(self) -> Objective:
        """What is maximised."""
        return self.settings.objective

    def examples(self, encoder: Encoder, score: Score) -> tuple[list[Example], list[Example]]:
        """Every chosen row and its mirror image, and the validation rows as they are."""
        words = [encoder.side(side)[0] for side in Side]
        if len(set(words)) < 3:
            what = "two of the answer's words begin with the same token, and only the first one is taught"
            raise InputError(what, where=self.template.name, hint="take another template or another base")
        self.loss_of = PolicyLoss(self.objective, words, self.settings.kl_beta)
        learned = self._examples(self.chosen, encoder, score, mirrored=False)
        learned += self._examples(self.chosen, encoder, score, mirrored=True)
        return learned, self._examples(self.val, encoder, score, mirrored=False)

    def _examples(self, rows: NDArray[np.intp], encoder: Encoder, score: Score, *, mirrored: bool) -> list[Example]:
        data = self.rewarded.data
        prompts = self.rewarded.mirrored if mirrored else data.prompts
        texts = [prompts.texts[row] for row in rows]
        flip = [Side.SELL, Side.HOLD, Side.BUY] if mirrored else [Side.BUY, Side.HOLD, Side.SELL]
        expected, earned = self.rewarded.expected[rows][:, flip], self.rewarded.earned[rows][:, flip]
        target = wanted(expected)
        before = side_scores(score(texts)) if self.objective == "utility" else np.zeros_like(target)
        out: list[Example] = []
        for number, prompt in enumerate(encoder.prompts(texts)):
            side = Side(int(target[number].argmax()))
            answer, parts = encoder.answer_ids(side, *self.answers[side.name][0])
            out.append(
                {
                    "input_ids": prompt + answer,
                    "parts": [PROMPT] * len(prompt) + part_codes(parts),
                    "weight": 1.0,
                    "target": target[number].tolist(),
                    "reward": (earned[number] / self.scale).tolist(),
                    "before": before[number].tolist(),
                }
            )
        return out

    def loss(self, model: Any, batch: dict[str, Any]) -> tuple[Any, Any, Any]:
        """The objective, and what keeps the rest of the answer."""
        return self.loss_of(model, batch)

    def losses(self, model: Any, examples: Sequence[Example], collator: Collator) -> dict[str, float]:
        """The same on the validation rows by part of the answer."""
        from rook_bench.training.lesson import EVAL_BATCH
        from rook_bench.training.trainer import validation_losses

        return validation_losses(model, examples, collator, EVAL_BATCH, self.loss)

    def measure(self, score: Score, manifest: Manifest) -> dict[str, float]:
        """Trades and what they earned on the validation rows; "nll" is the objective there. Of several pools means."""
        odds = probabilities(side_scores(score(self.texts)), manifest)
        return mean_figures(list(self._by_pool(odds).values()))

    def _by_pool(self, odds: NDArray[np.float64]) -> dict[str, dict[str, float]]:
        """The figures of each pool's validation rows."""
        data, record = self.rewarded.data, self.rewarded.critic.record
        return {
            name: self._measured(odds[own], self.val[own], record.on(pool).cost_bps)
            for name, pool, own in zip(data.names, data.pools, data.by_pool(self.val), strict=True)
        }

    def _measured(self, odds: NDArray[np.float64], val: NDArray[np.intp], cost_bps: float) -> dict[str, float]:
        earned, expected = self.rewarded.earned[val], self.rewarded.expected[val]
        log_odds = np.log(np.maximum(odds, 1e-12))
        if self.objective == "critic":
            goal = float(-(wanted(expected) * log_odds).sum(axis=1).mean())
        else:
            dearer = earned - (STRESS - 1) * cost_bps * np.array([1.0, 0.0, 1.0])
            goal = float(-(odds * dearer).sum(axis=1).mean() / self.scale)
        side = odds.argmax(axis=1)
        trades = side != Side.HOLD
        measured = {"nll": goal, "trade_share": float(trades.mean())}
        if trades.any():
            rows = np.flatnonzero(trades)
            at = self.rewarded.data.at.astype(np.int64)[val][rows]
            mean, se = clustered_mean(earned[rows, side[rows]], at, self.rewarded.record.horizon_s)
            measured |= {"reward_bps": mean, "buy_share": float((side[rows] == Side.BUY).mean())}
            if np.isfinite(se):
                measured["reward_se_bps"] = se
        return measured

    def finish(self, score: Score, manifest: Manifest) -> tuple[Manifest, dict[str, Any]]:
        """The chance of a profit, fitted on validation; of several pools of each, too."""
        data = self.rewarded.data
        odds = probabilities(side_scores(score(self.texts)), manifest)
        earned = self.rewarded.earned[self.val]
        better = np.where(odds[:, Side.BUY] >= odds[:, Side.SELL], int(Side.BUY), int(Side.SELL))
        profit = earned[np.arange(len(better)), better] > 0
        done = manifest.model_copy(update={"chance": chance_of_profit(trade_score(odds), profit)})
        if done.pools is not None:
            chances = [chance_of_profit(trade_score(odds[own]), profit[own]) for own in data.by_pool(self.val)]
            kept = [one.model_copy(update={"chance": chance}) for one, chance in zip(done.pools, chances, strict=True)]
            done = done.model_copy(update={"pools": kept})
        record, critic = self.rewarded.record, self.rewarded.critic.record
        return done, {
            "stage": "rl",
            "objective": self.objective,
            **pool_facts(data, self.chosen, self.val, self._by_pool(odds)),
            "example": self._example(),
            "parent": {"adapter": self.parent_hash, "stage": self.told.training.get("stage", "sft")},
            "rewards": {"file": record.file, "horizon_s": record.horizon_s, "facts": record.facts},
            "critic": {name: getattr(critic, name) for name in ("slope", "slope_se", "shrunk", "cost_bps", "trees")},
            "scale_bps": self.scale,
            "data_hash": data.data_hash,
        }

    def further(self, model: Any, encoder: Encoder, manifest: Manifest) -> dict[str, Any]:
        """Nothing more."""
        del model, encoder, manifest
        return {}

    def _example(self) -> str:
        row = int(self.chosen[np.abs(self.rewarded.expected[self.chosen]).max(axis=1).argmax()])
        side = Side(int(self.rewarded.expected[row].argmax()))
        pieces = self.template.answer.pieces(side, *self.answers[side.name][0])
        return self.rewarded.data.prompts.texts[row] + "".join(text for _, text in pieces)


def wanted(expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """The probabilities of BUY, HOLD and SELL that are taught: softmax of expected rewards in bps, shape (rows, 3)."""
    odds = np.exp((expected - expected.max(axis=1, keepdims=True)) / SOFT_BPS)
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def check_parent(told: Manifest, parent: Path, settings: TrainSettings) -> None:
    """ConfigError where training can't go on from an adapter with these settings."""
    if told.kind != "lora":
        raise ConfigError("a fully fine-tuned model has no adapter to go on with", where=parent, hint="train a LoRA")
    if settings.method != "lora":
        raise ConfigError("training goes on with the parent's LoRA", where="method", hint='leave it at "lora"')
