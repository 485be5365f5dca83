"""What is found in worlds whose answer is known: prints the tables of docs/explanation/rewards.md.

    python benchmarks/edge_study.py --out FILE [--tapes 20] [--swaps 60000] [--models] [--worlds planted edge-free]

Every tape is simulated, prepared with ROOK's rules, and given rewards; the critic is replayed on the last 15%, which
nothing was fitted or chosen on. With --models, so are an adapter that imitates the rules, and the same after stage rl,
on LATER swaps more (6 days), and the second stands before the gate against the rules: by the shipped policy, but for
the days it asks for. A tape that stands in FILE, a line of JSON each, is not made again, so that the study goes on
after an interruption.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from scipy.optimize import brentq

import rook_bench as rook
from rook_bench.core import Side
from rook_bench.core.shipped import shipped
from rook_bench.dataset.fit_rules import rules_of
from rook_bench.dataset.prepare import prepare
from rook_bench.dataset.split_tapes import split_tape
from rook_bench.gates import load_policy
from rook_bench.gates.plan import daily_volatility
from rook_bench.language.template import load_template
from rook_bench.market.features import compute_feature
from rook_bench.market.simulation.worlds import WORLDS
from rook_bench.rewards.make import actions_of, make_rewards
from rook_bench.rewards.reward import HORIZON_S, rewards_of
from rook_bench.stats.power import detectable_effect

RICH = rook.BenchConfig(capital={"quote_value": 1e6})
FAR_BPS = 40.0
HORIZONS_S = (300, 600, 1200)
LATER = 40_000
JUDGED_DAYS = 5.0
SILENT = lambda line: None  # noqa: E731


def reversion(frame):
    """What a trade against a deviation of over 40 bps gains in 10 minutes before costs: mean, error, rows."""
    found = rewards_of(frame, actions_of(frame), RICH.replay())
    away = compute_feature(frame, "price_deviation") * 1e4
    rows = np.flatnonzero((np.abs(away) > FAR_BPS) & found.defined)
    markout = (found.of(Side.BUY) - found.of(Side.SELL))[rows] / 2 * -np.sign(away[rows])
    cluster = np.unique(frame.at.astype(np.int64)[rows] // (1800 * 10**9), return_inverse=True)[1]
    sums = np.bincount(cluster, weights=markout - markout.mean()) if len(rows) else np.zeros(1)
    return (float(markout.mean()), float(np.sqrt(sums @ sums) / len(rows)), len(rows)) if len(rows) else (0.0, 0.0, 0)


def fine_tuned(folder, rewards, place, seed):
    """An adapter that imitates the rules, and what stage rl makes of it."""
    settings = {"batch_size": 32, "learning_rate": 1e-3, "seed": seed}
    parent, child = place / "parent", place / "child"
    trials = place / "trials"
    imitation = {"model": "rook-tiny", "template": "codes", "max_samples": 4000, "num_epochs": 6}
    rook.train(folder, parent, say=SILENT, trials=trials, **imitation, **settings)
    rl = {"stage": "rl", "rewards": rewards, "parent": parent, "max_samples": 3000, "num_epochs": 4}
    rook.train(folder, child, say=SILENT, trials=trials, **rl, **settings)
    return {"imitator": f"lora:{parent}", "model": f"lora:{child}"}


def studied(world, seed, swaps, models):
    """One tape's line."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        frame = rook.simulate(swaps + (LATER if models else 0), np.random.default_rng(seed), WORLDS[world])
        prepare(frame[:swaps], rules_of("data_driven", None), place / "prepared")
        made = make_rewards(place / "prepared", place / "rewards", load_template("codes"), RICH.replay(), seed=seed)
        sources = {"tree": f"tree:{made.folder}", "rules": "rules:data_driven"}
        if models:
            sources |= fine_tuned(place / "prepared", made.folder, place, seed)
        test = frame[swaps:] if models else split_tape(place / "prepared", "test").read()
        days = test.span_s / 86_400
        hold = rook.evaluate(test, "hold", RICH, trials=place / "trials").sampled.log_returns
        line = {"world": world, "seed": seed, "swaps": swaps, "models": models, "days": days}
        line |= {"slope": made.critic.slope, "slope_se": made.critic.slope_se, "shrunk": made.critic.shrunk}
        line |= {
            "ceiling": made.record.facts["ceiling"],
            "reversion": reversion(split_tape(place / "prepared", "train").read()),
        }
        ran = {word: rook.evaluate(test, source, RICH, trials=place / "trials") for word, source in sources.items()}
        for word, one in ran.items():
            line[word] = {
                "bps_per_day": float((one.sampled.log_returns - hold).sum() * 1e4 / days),
                "trades_per_day": float(one.run.orders.filled.sum() / days),
            }
        line["marked"] = marked(ran["tree"], test, days)
        if models:
            line["gate"] = judged(ran["model"], ran["rules"], place)
    return line | {"seconds": time.monotonic() - started}


def marked(ran, frame, days):
    """What the fills had gained so many seconds after they landed, every cost paid, bps of the capital a day.

    "closed": what they would have gained had each been undone after HORIZON_S at the same cost again.
    """
    fills = ran.fills()
    scale = 1e4 / (RICH.capital.quote_value * days)
    sign = np.where(fills["side"] == "BUY", 1.0, -1.0)
    landed = fills.index.tz_convert(None).to_numpy().astype("datetime64[ns]")
    out = {}
    for seconds in HORIZONS_S:
        exits = np.searchsorted(frame.at, landed + np.timedelta64(seconds, "s"), side="right") - 1
        gained = sign * fills["base"] * (frame.price[exits] - fills["paid_price"])
        out[str(seconds)] = float(gained.sum() * scale)
    return out | {"closed": out[str(int(HORIZON_S))] - float(fills["cost"].sum() * scale)}


def judged(model, rules, place):
    """What the gate says of it, what it says of the primary question, and what a plan needs to know."""
    policy = load_policy(shipped("policy", "rook-promotion"))
    policy = policy.model_copy(update={"evidence": policy.evidence.model_copy(update={"min_days": JUDGED_DAYS})})
    verdict = rook.judge(policy, model, rules, models=place / "models", trials=place / "trials").verdict
    return {
        "verdict": verdict.verdict,
        "checks": {check.name: check.status for check in verdict.checks},
        "reasons": verdict.reasons,
        "volatility": daily_volatility(model, rules),
    }


def planned(lines):
    """The share of tapes on which the primary question is to be passed, by the mean edge and its mean variance."""
    alpha = load_policy(shipped("policy", "rook-promotion")).primary.alpha
    edge = np.mean([line["model"]["bps_per_day"] - line["rules"]["bps_per_day"] for line in lines])
    volatility = np.sqrt(np.mean([line["gate"]["volatility"] ** 2 for line in lines]))
    days = np.mean([line["days"] for line in lines])
    short = lambda power: edge - detectable_effect(volatility**2, days, alpha=alpha, power=power)  # noqa: E731
    return edge, volatility, brentq(short, 0.03, 0.999) if short(0.03) > 0 > short(0.999) else float(edge > 0)


def table(lines):
    """The tables of the page."""
    words = [word for word in ("tree", "model", "imitator", "rules") if all(word in line for line in lines)]
    columns = " | ".join(f"{word}, bps a day" for word in words)
    print(f"| world | tapes | reversion, bps | slope | edge found | {columns} | trades a day, median |")
    print("|---|--:|--:|--:|--:|" + "--:|" * (len(words) + 1))
    for world in dict.fromkeys(line["world"] for line in lines):
        own = [line for line in lines if line["world"] == world]
        back = np.array([line["reversion"][0] for line in own])
        slopes = np.array([line["slope"] for line in own])
        cells = []
        for word in words:
            values = np.array([line[word]["bps_per_day"] for line in own])
            cells.append(f"{values.mean():+.0f} ± {values.std(ddof=1) / np.sqrt(len(values)):.0f}")
        rates = ", ".join(f"{word} {np.median([line[word]['trades_per_day'] for line in own]):.0f}" for word in words)
        print(
            f"| {world} | {len(own)} | {back.mean():+.1f} ± {back.std(ddof=1) / np.sqrt(len(back)):.1f} | "
            f"{slopes.mean():.2f} ± {slopes.std(ddof=1):.2f} | {sum(line['shrunk'] > 0 for line in own)} | "
            + " | ".join(cells) + f" | {rates} |"
        )  # fmt: skip
        if all("marked" in line for line in own):
            gained = np.array([line["tree"]["bps_per_day"] for line in own])
            for word in own[0]["marked"]:
                values = np.array([line["marked"][word] for line in own])
                error, apart = values.std(ddof=1) / np.sqrt(len(values)), gained - values
                print(f"{world}, the critic's fills, {word}: {values.mean():+.0f} ± {error:.0f} bps a day; replay less "
                      f"this: {apart.mean():+.0f} ± {apart.std(ddof=1) / np.sqrt(len(apart)):.0f}, from tape to tape "
                      f"{apart.std(ddof=1):.0f}, of {gained.std(ddof=1):.0f}")  # fmt: skip
        if "model" in words:
            better = sum(line["model"]["bps_per_day"] > line["imitator"]["bps_per_day"] for line in own)
            share = sum(line["model"]["bps_per_day"] for line in own) / sum(line["tree"]["bps_per_day"] for line in own)
            print(f"\n{world}: after stage rl better than its parent on {better} of {len(own)} tapes; "
                  f"{share:.0%} of the critic's gain")  # fmt: skip
            verdicts = Counter(line["gate"]["verdict"] for line in own)
            asked = Counter(line["gate"]["checks"]["net return vs champion (superiority)"] for line in own)
            edge, volatility, rate = planned(own)
            print(f"gate: {dict(verdicts)}; primary question: {dict(asked)}; planned for {edge:+.0f} bps a day over "
                  f"the rules, which varies by {volatility:.0f}: {rate:.0%}\n")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tapes", type=int, default=20)
    parser.add_argument("--swaps", type=int, default=60_000)
    parser.add_argument("--worlds", nargs="+", default=["planted", "edge-free"])
    parser.add_argument("--models", action="store_true")
    asked = parser.parse_args()
    lines = [json.loads(line) for line in asked.out.read_text().splitlines()] if asked.out.is_file() else []
    for seed in range(100, 100 + asked.tapes):
        for world in asked.worlds:
            key = (world, seed, asked.swaps, asked.models)
            if key not in {(line["world"], line["seed"], line["swaps"], line["models"]) for line in lines}:
                lines.append(studied(world, seed, asked.swaps, asked.models))
                with asked.out.open("a") as file:
                    file.write(json.dumps(lines[-1]) + "\n")
    table([line for line in lines if line["models"] == asked.models and line["swaps"] == asked.swaps])


if __name__ == "__main__":
    main()
