"""Whether drafts help: prints the table of docs/explanation/drafts.md.

    python benchmarks/draft_study.py DATA_DIR --rules FILE --out FILE [--seeds 5] [--samples 4000]

DATA_DIR is what `data prepare` wrote, FILE the rules that labelled it. Every arm learns the same rows of it from
rook-tiny: the answer only, for as many steps and again for as much computing (tokens times steps) as with drafts;
drafts before the answer; drafts after it. Measured on the validation rows, where each arm chose its checkpoint. An arm
that stands in the file of results, a line of JSON each, is not run again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy.stats import t as students

import rook_bench as rook
from rook_bench.dataset.split_tapes import split_tape
from rook_bench.language.adapter import load_adapter
from rook_bench.language.draft_scoring import scorer
from rook_bench.market.view import MarketView

EPOCHS = 5
SPEED_ROWS = 1024
SETTINGS = {"model": "rook-tiny", "template": "codes", "batch_size": 32, "learning_rate": 1e-3, "patience": 0}
ARMS = {
    "answer only": (None, 1.0),
    "answer only, as much computing": (None, None),
    "draft before": ("before", 1.0),
    "draft after": ("after", 1.0),
}


def lengths(folder, drafts):
    """Tokens of a row with a draft over those of one without, about: the draft's beside prompt and answer."""
    with drafts.open() as file:
        line = json.loads(next(file))
    steps = len(line["steps"])
    bare = len(line["prompt"].split()) + len(line["completion"].split()) - 2 * steps + 1
    return (bare + 2 * steps) / bare


def speed(folder, data_dir):
    """Decisions a second, one core, the best of three."""
    adapter = load_adapter(folder)
    asked = scorer(adapter.model, adapter.encoder, adapter.manifest)
    view = MarketView.whole(split_tape(data_dir, "validation").read())
    texts = [text for text in adapter.manifest.template.render(view).texts if text][:SPEED_ROWS]
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        asked(texts)
        seconds.append(time.perf_counter() - started)
    return len(texts) / min(seconds)


def ran(arm, seed, asked, place):
    """One arm's line."""
    order, effort = ARMS[arm]
    drafts = place / f"{order or 'before'}.jsonl"
    if not drafts.is_file():
        rook.teach(asked.data_dir, drafts, f"rules:{asked.rules}", order=order)
    epochs = EPOCHS if effort else EPOCHS * lengths(asked.data_dir, drafts)
    given = {} if order is None else {"stage": "draft", "drafts": drafts}
    done = rook.train(
        asked.data_dir, place / f"{arm}-{seed}", max_samples=asked.samples, num_epochs=epochs, seed=seed,
        trials=place / "trials", say=lambda line: None, **given, **SETTINGS,
    )  # fmt: skip
    facts = done.manifest.training
    return {
        "arm": arm,
        "seed": seed,
        "samples": asked.samples,
        "validation": facts["validation"],
        "worth": facts.get("draft_worth"),
        "seconds": facts["seconds"],
        "ceiling": facts["ceiling"]["boosted"],
        "speed": speed(done.folder, asked.data_dir),
    }


def table(lines):
    """The tables of the page."""
    print(f"boosted trees on the same numbers: macro-F1 {lines[0]['ceiling']:.3f}\n")
    print("| arm | macro-F1 | less answer only, 95% interval | NLL | ECE | decisions a second |")
    print("|---|--:|--:|--:|--:|--:|")
    alone = {line["seed"]: line for line in lines if line["arm"] == "answer only"}
    for arm in ARMS:
        own = [line for line in lines if line["arm"] == arm]
        mean = {word: np.mean([line["validation"][word] for line in own]) for word in ("macro_f1", "nll", "ece")}
        pairs = [line["validation"]["macro_f1"] - alone[line["seed"]]["validation"]["macro_f1"] for line in own]
        half = students.ppf(0.975, len(pairs) - 1) * np.std(pairs, ddof=1) / np.sqrt(len(pairs))
        apart = "" if arm == "answer only" else f"{np.mean(pairs):+.3f} [{np.mean(pairs) - half:+.3f}, {np.mean(pairs) + half:+.3f}]"  # noqa: E501  # fmt: skip
        faster = np.mean([line["speed"] for line in own])
        print(f"| {arm} | {mean['macro_f1']:.3f} | {apart} | {mean['nll']:.3f} | {mean['ece']:.3f} | {faster:,.0f} |")
    print("\n| with drafts | before | after |\n|---|--:|--:|")
    worth = {
        order: [line["worth"] for line in lines if line["arm"] == f"draft {order}"] for order in ("before", "after")
    }
    for word in ("read", "numbers copied", "verdicts true"):
        cells = " | ".join(f"{np.mean([one['written'][word] for one in worth[order]]):.1%}" for order in worth)
        print(f"| written freely: {word} | {cells} |")
    for word in ("verdicts true", "true to the row", "true to the answer", "causal", "least mass"):
        values = [one[word] for one in worth["before"] if one[word] is not None]
        print(f"| numbers given: {word} | {np.mean(values):.1%} | |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--rules", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--samples", type=int, default=4000)
    asked = parser.parse_args()
    lines = [json.loads(line) for line in asked.out.read_text().splitlines()] if asked.out.is_file() else []
    with tempfile.TemporaryDirectory() as name:
        for seed in range(asked.seeds):
            for arm in ARMS:
                key = (arm, seed, asked.samples)
                if key not in {(line["arm"], line["seed"], line["samples"]) for line in lines}:
                    lines.append(ran(arm, seed, asked, Path(name)))
                    with asked.out.open("a") as file:
                        file.write(json.dumps(lines[-1]) + "\n")
    table([line for line in lines if line["samples"] == asked.samples])


if __name__ == "__main__":
    main()
