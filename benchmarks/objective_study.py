"""Which objective teaches a policy from counterfactual rewards: prints a table, losers included.

    python benchmarks/objective_study.py --out FILE [--tapes 5] [--swaps 60000] [--worlds planted edge-free]

Every tape is simulated, prepared with ROOK's rules, and given rewards. A small net reads the six numbers that template
`codes` shows. It first imitates the rules' labels; from there it goes on under each objective by itself, every row
beside its mirror image. Training ends after PATIENCE epochs without a lesser loss on the validation rows under that
very objective, at the latest after EPOCHS, and the epoch with the least is kept. What it then does on the last 15%,
which nothing was fitted or chosen on, is replayed against hold. Nothing is tuned by objective: all have the same net,
rows and optimiser. A net says a side only; its orders are those whose rewards were worked out, 5% of the balance. The
rules send some orders of 8%, and so the net that imitates them does not trade as they do even where it agrees.

Of a row, r is the net reward in bps of BUY, HOLD (0) and SELL as they came:

- critic, utility: the product's own losses (`training/policy_loss.py`), the second with KL beta .01. The product
  chooses utility's checkpoint at dearer costs; here they are those of training, as for all others.
- exp-weighted: cross-entropy to each action, weighted by exp(r / tau), at most 20 as in AWR (Peng et al. 2019).
- DPO: the three pairs of a row's actions, the one that earned more preferred; beta .1, reference the imitator.
- best in hindsight: cross-entropy to the action that earned the most.
- GRPO, three actions: the exact gradient of the expected advantage, a group being each action once. A baseline drops
  out of an exact gradient, and so the unscaled form is utility without KL.
- GRPO, 8 draws: as TRL does it by default: a group is drawn from the policy of the moment, its mean reward is the
  baseline, beta is 0. A surrogate's value tells nothing, so the epoch is chosen by the expected reward.
- hindsight: the best action of each test row, whose rewards are worked out for this line only. A bound.

Rules that lose are beaten by whoever never trades; read that count beside the trades and the count against hold.
A tape that stands in FILE, a line of JSON each, is not made again, so that the study goes on after an interruption.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.preprocessing import StandardScaler
from torch import nn

import rook_bench as rook
from rook_bench.core import Side
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.dataset.fit_rules import rules_of
from rook_bench.dataset.prepare import prepare
from rook_bench.dataset.split_tapes import split_tape
from rook_bench.language.critic import Critic
from rook_bench.language.template import load_template
from rook_bench.market.simulation.worlds import WORLDS
from rook_bench.market.view import MarketView
from rook_bench.rewards.make import make_rewards
from rook_bench.rewards.reward import rewards_of
from rook_bench.sources.saved import write_decisions
from rook_bench.training.data import read_training_data
from rook_bench.training.policy import Rewarded, wanted
from rook_bench.training.policy_loss import PolicyLoss

RICH = rook.BenchConfig(capital={"quote_value": 1e6})
TEMPLATE = load_template("codes")
FIRST_SEED = 200
WIDTH = 64
EPOCHS = 60
PATIENCE = 10
BATCH = 512
LEARNING_RATE = 1e-3
MOST_WEIGHT = 20.0
GROUP = 8
GROUP_EPS = 1e-4
"""Added to a group's SD, as TRL adds it."""

CROSS_ENTROPY = PolicyLoss("critic", ()).of
UTILITY = PolicyLoss("utility", (), beta=0.01).of

# A batch is a dictionary of tensors: "numbers", what the net reads, shape (rows, fields), and of shape (rows, 3), for
# BUY, HOLD and SELL: "label", the rules' answer; "target", the critic's; "earned", bps; "reward", the same in SDs of
# the train rows; "before", log-probabilities of the imitator. A loss has shape (rows,).


def crossed(target, policy, batch, generator):
    """Cross-entropy to what `target` makes of the rows."""
    return CROSS_ENTROPY(policy, {"target": target(batch)})


def exp_weights(tau, batch):
    return (batch["earned"] / tau).exp().clamp(max=MOST_WEIGHT)


def luckiest(batch):
    return nn.functional.one_hot(batch["earned"].argmax(dim=1), 3).float()


def utility(policy, batch, generator):
    return UTILITY(policy, batch)


def preferred(policy, batch, generator, beta=0.1):
    """DPO's loss over the three pairs of a row; two actions that earned the same are no pair."""
    gained, earned = policy - batch["before"], batch["earned"]
    losses = []
    for one, other in combinations(range(3), 2):
        sign = (earned[:, one] - earned[:, other]).sign()
        losses.append(-nn.functional.logsigmoid(beta * sign * (gained[:, one] - gained[:, other])) * sign.abs())
    return torch.stack(losses, dim=1).mean(dim=1)


def advantages(rewards, scaled):
    """Rewards less the mean of their group, by the group's SD where that is asked; a group is a row."""
    centred = rewards - rewards.mean(dim=1, keepdim=True)
    return centred / (rewards.std(dim=1, keepdim=True) + GROUP_EPS) if scaled else centred


def expected_advantage(scaled, policy, batch, generator):
    return -(policy.exp() * advantages(batch["reward"], scaled)).sum(dim=1)


def drawn_advantage(scaled, policy, batch, generator):
    """GRPO's loss on draws from this very policy, whose ratio to itself is 1 and never clipped."""
    draws = torch.multinomial(policy.detach().exp(), GROUP, replacement=True, generator=generator)
    worth = advantages(batch["reward"].gather(1, draws), scaled)
    return -(worth * policy.gather(1, draws)).mean(dim=1)


def expected_loss(policy, batch, generator):
    return -(policy.exp() * batch["reward"]).sum(dim=1)


@dataclass(frozen=True)
class Objective:
    """What is minimised on train rows, (policy, batch, generator) to a loss of each, and what chooses the epoch."""

    loss: Callable[..., Any]
    chosen_by: Callable[..., Any] | None = None


IMITATION = Objective(partial(crossed, itemgetter("label")))
OBJECTIVES = {
    "critic": Objective(partial(crossed, itemgetter("target"))),
    "utility, beta .01": Objective(utility),
    "exp-weighted, tau 3 bps": Objective(partial(crossed, partial(exp_weights, 3.0))),
    "exp-weighted, tau 30 bps": Objective(partial(crossed, partial(exp_weights, 30.0))),
    "DPO on pairs ranked by P&L": Objective(preferred),
    "best in hindsight": Objective(partial(crossed, luckiest)),
    "GRPO, three actions, group SD": Objective(partial(expected_advantage, True)),
    "GRPO, three actions, unscaled": Objective(partial(expected_advantage, False)),
    "GRPO, 8 draws, group SD": Objective(partial(drawn_advantage, True), expected_loss),
    "GRPO, 8 draws, unscaled": Objective(partial(drawn_advantage, False), expected_loss),
}
SFT, BOUND = "SFT on the labels", "hindsight (a bound)"
SHRUNK, UNSHRUNK = "boosted trees, shrunk", "boosted trees, unshrunk"
ORDER = ["rules", SFT, "critic", SHRUNK, UNSHRUNK, *(name for name in OBJECTIVES if name != "critic"), BOUND]
"""Lines of the table."""


def fresh_net(fields, generator):
    """A net whose weights come from the generator and from nowhere else."""
    sizes = [(fields, WIDTH), (WIDTH, WIDTH), (WIDTH, 3)]
    layers = [nn.utils.skip_init(nn.Linear, *size) for size in sizes]
    for layer in layers:
        nn.init.xavier_uniform_(layer.weight, generator=generator)
        nn.init.zeros_(layer.bias)
    return nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])


def policy_of(net, numbers):
    """Log-probabilities of BUY, HOLD and SELL, shape (rows, 3)."""
    return torch.log_softmax(net(numbers), dim=1)


def fitted(net, objective, train, val, generator):
    """The net after the epoch with the least validation loss, and which epoch that was."""
    net = deepcopy(net)
    optimiser = torch.optim.Adam(net.parameters(), lr=LEARNING_RATE)
    judge = objective.chosen_by or objective.loss
    least, kept = np.inf, (net, 0)
    for epoch in range(1, EPOCHS + 1):
        for rows in torch.randperm(len(train["numbers"]), generator=generator).split(BATCH):
            part = {name: column[rows] for name, column in train.items()}
            optimiser.zero_grad()
            objective.loss(policy_of(net, part["numbers"]), part, generator).mean().backward()
            optimiser.step()
        with torch.no_grad():
            judged = float(judge(policy_of(net, val["numbers"]), val, generator).mean())
        if judged < least:
            least, kept = judged, (deepcopy(net), epoch)
        if epoch - kept[1] >= PATIENCE:
            break
    return kept


def batch_of(rewarded, rows, scaler, scale, mirrored=False):
    """Some rows of a prepared folder, or their mirror images."""
    order = [Side.SELL, Side.HOLD, Side.BUY] if mirrored else [Side.BUY, Side.HOLD, Side.SELL]
    prompts = rewarded.mirrored if mirrored else rewarded.data.prompts
    earned = rewarded.earned[rows][:, order]
    columns = {
        "numbers": scaler.transform(prompts.shown[rows]),
        "label": np.eye(3)[rewarded.data.side[rows]][:, order],
        "target": wanted(rewarded.expected[rows][:, order]),
        "earned": earned,
        "reward": earned / scale,
    }
    return {name: torch.tensor(column, dtype=torch.float32) for name, column in columns.items()}


def taught(rewarded, scaler, seed):
    """The net of each objective and the epoch that was kept, by name."""
    rows, later = (rewarded.rows(split) for split in (rewarded.data.train, rewarded.data.val))
    scale = float(rewarded.earned[rows][:, [Side.BUY, Side.SELL]].std())
    train, val = (batch_of(rewarded, some, scaler, scale) for some in (rows, later))
    generator = torch.Generator().manual_seed(seed)
    imitator, epoch = fitted(fresh_net(train["numbers"].shape[1], generator), IMITATION, train, val, generator)
    mirror = batch_of(rewarded, rows, scaler, scale, mirrored=True)
    both = {name: torch.cat([column, mirror[name]]) for name, column in train.items()}
    with torch.no_grad():
        both, val = (batch | {"before": policy_of(imitator, batch["numbers"])} for batch in (both, val))
    out = {SFT: (imitator, epoch)}
    for name, objective in OBJECTIVES.items():
        # Each has draws of its own, so that no line depends on which others there are.
        out[name] = fitted(imitator, objective, both, val, torch.Generator().manual_seed(seed))
    return out


def decisions(side, record):
    """Sides as decisions, with the critic's own sizes and limits."""
    size, slippage_bps, deadline_s = (
        np.select([side == Side.BUY, side == Side.SELL], [buy, sell], default)
        for buy, sell, default in zip(record.buy, record.sell, (0.0, 50.0, 300.0), strict=True)
    )
    return DecisionTape.from_sides(side, size, slippage_bps=slippage_bps, deadline_s=deadline_s)


def sides_of(net, scaler, frame):
    """The net's likeliest action on every row; HOLD where a number is undefined."""
    prompts = TEMPLATE.render(MarketView.whole(frame))
    side = np.full(len(frame), int(Side.HOLD))
    with torch.no_grad():
        numbers = torch.tensor(scaler.transform(prompts.shown[prompts.defined]), dtype=torch.float32)
        side[prompts.defined] = net(numbers).argmax(dim=1).numpy()
    return side


def lucky_sides(frame, actions):
    """The action of each row that earns the most; HOLD where a reward is undefined."""
    found = rewards_of(frame, actions, RICH.replay())
    earned = np.zeros((len(frame), 3))
    for side in (Side.BUY, Side.SELL):
        earned[:, side] = np.where(found.defined, found.of(side), -1.0)
    return earned.argmax(axis=1)


def unshrunk(critic, folder):
    """Trees whose forecasts are taken at their word."""
    folder.mkdir()
    Critic(critic.record.model_copy(update={"shrunk": 1.0}), critic.trees).save(folder)
    return f"tree:{folder}"


def replayed(test, sources, trials):
    """What each source gains against hold, and how often it trades."""
    days = test.span_s / 86_400
    hold = rook.evaluate(test, "hold", RICH, trials=trials).sampled.log_returns
    out = {}
    for name, source in sources.items():
        one = rook.evaluate(test, source, RICH, trials=trials)
        out[name] = {
            "bps_per_day": float((one.sampled.log_returns - hold).sum() * 1e4 / days),
            "trades_per_day": float(one.run.orders.filled.sum() / days),
        }
    return out


def studied(world, seed, swaps):
    """One tape's line."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        frame = rook.simulate(swaps, np.random.default_rng(seed), WORLDS[world])
        prepare(frame, rules_of("data_driven", None), place / "prepared")
        made = make_rewards(place / "prepared", place / "rewards", TEMPLATE, RICH.replay(), seed=seed)
        rewarded = Rewarded(read_training_data(place / "prepared", TEMPLATE), made.folder, TEMPLATE)
        scaler = StandardScaler().fit(rewarded.data.prompts.shown[rewarded.rows(rewarded.data.train)])
        nets = taught(rewarded, scaler, seed)
        test = split_tape(place / "prepared", "test").read()
        sides = {name: sides_of(net, scaler, test) for name, (net, _) in nets.items()}
        sides[BOUND] = lucky_sides(test, made.record.actions)
        sources = {"rules": "rules:data_driven", SHRUNK: f"tree:{made.folder}"}
        sources[UNSHRUNK] = unshrunk(rewarded.critic, place / "unshrunk")
        for number, (name, side) in enumerate(sides.items()):
            file = place / f"decisions-{number}.parquet"
            write_decisions(decisions(side, made.critic), file, {"data_hash": test.data_hash})
            sources[name] = f"recorded:{file}"
        line = {"world": world, "seed": seed, "swaps": swaps, "days": test.span_s / 86_400}
        line |= {"slope": made.critic.slope, "shrunk": made.critic.shrunk, "cost_bps": made.critic.cost_bps}
        line["epochs"] = {name: epoch for name, (_, epoch) in nets.items()}
        line["objectives"] = replayed(test, sources, place / "trials")
    return line | {"seconds": time.monotonic() - started}


def cells(lines, name):
    """Mean over tapes with its error, the median rate, and on how many tapes it beats the rules, and hold."""
    earned = np.array([line["objectives"][name]["bps_per_day"] for line in lines])
    rules = np.array([line["objectives"]["rules"]["bps_per_day"] for line in lines])
    error = earned.std(ddof=1) / np.sqrt(len(earned)) if len(earned) > 1 else np.nan
    rate = np.median([line["objectives"][name]["trades_per_day"] for line in lines])
    beaten = "" if name == "rules" else (earned > rules).sum()
    return f"{earned.mean():+.0f} ± {error:.0f} | {rate:,.0f} | {beaten} | {(earned > 0).sum()}"


def table(lines):
    worlds = {world: [line for line in lines if line["world"] == world] for world in WORLDS}
    worlds = {world: own for world, own in worlds.items() if own}
    columns = (
        f"{world}, bps a day | trades a day, median | beats rules, of {len(own)} | beats hold"
        for world, own in worlds.items()
    )
    print(f"| objective | {' | '.join(columns)} |")
    print("|---|" + "--:|" * (4 * len(worlds)))
    for name in ORDER:
        print(f"| {name} | {' | '.join(cells(own, name) for own in worlds.values())} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tapes", type=int, default=5)
    parser.add_argument("--swaps", type=int, default=60_000)
    parser.add_argument("--worlds", nargs="+", default=["planted", "edge-free"], choices=list(WORLDS))
    asked = parser.parse_args()
    torch.set_num_threads(1)  # sums then have one order, and so small a net gains nothing from more
    lines = [json.loads(line) for line in asked.out.read_text().splitlines()] if asked.out.is_file() else []
    for seed in range(FIRST_SEED, FIRST_SEED + asked.tapes):
        for world in asked.worlds:
            if (world, seed, asked.swaps) not in {(line["world"], line["seed"], line["swaps"]) for line in lines}:
                lines.append(studied(world, seed, asked.swaps))
                with asked.out.open("a") as file:
                    file.write(json.dumps(lines[-1]) + "\n")
    table([line for line in lines if line["swaps"] == asked.swaps and line["world"] in asked.worlds])


if __name__ == "__main__":
    main()
