"""Judge a candidate: what the gate does with runs, sources, the ledger and the promotion record."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rook_bench.market.frame import SwapFrame
    from rook_bench.metrics import Analysis
    from rook_bench.workbench.config import BenchConfig

CHAMPION = "champion"
"""The word that stands for the promoted champion."""


def rejudge(folder: Path, trials: Path | None = None) -> dict[str, Any]:
    """Judge again what lies in the folder of a gate: its runs, the policy and the waivers of its verdict.

    Nothing that the verdict says is taken for granted: runs are checked and replayed, sources asked
    again about the past, and the trial ledger is read up to the entry that it then ended with.

    Raises:
        InputError: where something is missing or does not match its hash.
    """
    from rook_bench.gates import Policy, Waiver, judge
    from rook_bench.promotion import read_verdict
    from rook_bench.trials import TrialLedger
    from rook_bench.workbench.compare import with_folders
    from rook_bench.workbench.tries import tries_of

    record = read_verdict(folder / "verdict.json")
    asked = {name: value for name, value in record["policy"].items() if name != "hash"}
    policy = Policy.parse(asked, where=folder / "verdict.json")
    sides = [record["candidate"], record["champion"]]
    analyses = _from_runs([str(folder / side["run"]) for side in sides if side is not None])
    against = analyses[1] if record["champion"] is not None else None
    tries = None
    if record["trials"] is not None:
        tries = tries_of(TrialLedger(trials), analyses[0], against, upto=record["trials"]["head"])
    verdict = judge(
        policy,
        analyses[0],
        against,
        tries=tries,
        waivers=[Waiver.from_json(waiver) for waiver in record["waivers"]],
        judged_at=datetime.fromisoformat(record["judged_at"]),
    )
    return with_folders(verdict.to_json(), {side["run_hash"]: side["run"] for side in sides if side is not None})


def _champion(reference: str, models: Path = Path("models")) -> str:
    """The promoted champion's source for the word 'champion', else the reference as it is."""
    if reference != CHAMPION:
        return reference
    from rook_bench.promotion import resolve_champion

    return resolve_champion(models)


def _pilot(frame: SwapFrame, settings: BenchConfig, champion: str, candidate: str | None) -> tuple[Analysis, Analysis]:
    """A pair of runs to learn from how much a difference varies: a stand-in for the candidate, and the champion."""
    from rook_bench.workbench.compare import compare_sources

    theirs = compare_sources(frame, [champion], settings, benchmarks=False)[0]
    rate = theirs.run.decided.tape.action_rate
    other = candidate or f"random:{rate if 0 < rate < 1 else 0.1:.3f}"
    return compare_sources(frame, [other], settings, benchmarks=False)[0], theirs


def _from_runs(named: list[str]) -> list[Analysis]:
    """Runs from disk, replayed and measured; the first one's source is asked again."""
    from rook_bench.core import InputError
    from rook_bench.workbench.compare import load_analysis

    for folder in named:
        if not Path(folder).is_dir():
            raise InputError(
                f"'{folder}' is no run folder", where="gate", hint="to judge a source, give its tape with --data"
            )
    return [looked_at_again(load_analysis(Path(folder))) for folder in named]


def looked_at_again(analysis: Analysis) -> Analysis:
    """The same with a look-ahead check at places that nobody can know beforehand."""
    from dataclasses import replace

    import numpy as np

    from rook_bench.replay.engine import look_again

    lookahead = look_again(analysis.run, np.random.default_rng())
    return replace(analysis, run=replace(analysis.run, lookahead=lookahead))


def _from_sources(named: list[str], frame: SwapFrame, settings: BenchConfig) -> list[Analysis]:
    from rook_bench.workbench.compare import compare_sources

    analyses = compare_sources(frame, named, settings)
    analyses[0] = looked_at_again(analyses[0])
    # A champion named like the candidate is compared with itself, which the checks refuse.
    return analyses if len(set(named)) == len(named) else [analyses[0], *analyses]


def _against_promoted(candidate: str, champion: str) -> list[Analysis]:
    """A run from disk, and the promoted champion replayed on its tape under its assumptions."""
    from rook_bench.metrics import analyse
    from rook_bench.replay import replay

    (mine,) = _from_runs([candidate])
    theirs = replay(mine.run.frame, champion, mine.run.config, tape_check=mine.run.tape_check)
    return [mine, analyse(theirs, mine.clock)]


def _on_one_tape(analyses: list[Analysis]) -> list[Analysis]:
    """Those on the candidate's tape, each source once; runs on another tape can't share its report."""
    first = analyses[0]
    seen, kept = set(), []
    for analysis in analyses:
        if analysis.run.frame.data_hash == first.run.frame.data_hash and analysis.run.run_hash not in seen:
            seen.add(analysis.run.run_hash)
            kept.append(analysis)
    return kept
