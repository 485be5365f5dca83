"""`rook-bench gate`: the verdict, with an exit code that CI can act on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rook_bench.cli.data import AllowRounded, Out, PoolChoice, read_input
from rook_bench.cli.evaluate import SOURCE_HELP, ConfigFile, Seed, print_tape, settings_of
from rook_bench.cli.output import say, say_json

if TYPE_CHECKING:
    from rook_bench.config import BenchConfig
    from rook_bench.gates import Verdict
    from rook_bench.market.frame import SwapFrame
    from rook_bench.metrics import Analysis


def gate(
    policy: Annotated[Path, typer.Option("--policy", help="What the candidate has to show (TOML, YAML or JSON).")],
    candidate: Annotated[str, typer.Option("--candidate", help="A run folder; with --data, a SOURCE: " + SOURCE_HELP)],
    out: Out,
    champion: Annotated[str | None, typer.Option("--champion", help="What it has to beat, in the same form.")] = None,
    data: Annotated[Path | None, typer.Option("--data", help="The tape on which sources are replayed.")] = None,
    config: ConfigFile = None,
    seed: Seed = None,
    pool: PoolChoice = None,
    allow_rounded: AllowRounded = False,
    json: Annotated[bool, typer.Option("--json", help="Print verdict.json and nothing else.")] = False,
) -> int:
    """Judge a candidate by a policy. Exit code 0 promote, 1 block, 2 inconclusive, 3 invalid."""
    from rook_bench.cli.comparison import save_comparison, title_of
    from rook_bench.core.files import check_replaceable, whole_folder
    from rook_bench.gates import judge, load_policy

    check_replaceable(out)
    rules = load_policy(policy)
    named = [reference for reference in (candidate, champion) if reference is not None]
    if data is None:
        analyses = _from_runs(named)
    else:
        frame = read_input(data, pool, allow_rounded=allow_rounded)
        analyses = _from_sources(named, frame, settings_of(config, seed))
    verdict = judge(rules, analyses[0], analyses[1] if champion is not None else None)
    with whole_folder(out) as aside:
        save_comparison(_on_one_tape(analyses), aside, title=f"Gate: {title_of(analyses)}", verdict=verdict)
    if json:
        say_json(verdict.to_json())
    else:
        print_tape(analyses)
        print_verdict(verdict)
        say(f"verdict: {out / 'verdict.json'}")
        say(f"report: {out / 'report.html'}")
    return verdict.exit_code


def print_verdict(verdict: Verdict) -> None:
    """The verdict, its checks and the reasons, for a person."""
    marks = {"pass": "ok", "fail": "FAIL", "inconclusive": "?", "invalid": "INVALID"}
    for check in verdict.checks:
        say(f"  {marks[check.status]:<8}{check.name}: {check.detail}")
    say(f"verdict: {verdict.verdict} ({verdict.policy.name})")


def _from_runs(named: list[str]) -> list[Analysis]:
    from rook_bench.cli.comparison import load_analysis
    from rook_bench.core import InputError

    for folder in named:
        if not Path(folder).is_dir():
            raise InputError(
                f"'{folder}' is no run folder", where="gate", hint="to judge a source, give its tape with --data"
            )
    return [load_analysis(Path(folder)) for folder in named]


def _from_sources(named: list[str], frame: SwapFrame, settings: BenchConfig) -> list[Analysis]:
    from rook_bench.cli.comparison import compare_sources

    analyses = compare_sources(frame, named, settings)
    # A champion named like the candidate is compared with itself, which the checks refuse.
    return analyses if len(set(named)) == len(named) else [analyses[0], *analyses]


def _on_one_tape(analyses: list[Analysis]) -> list[Analysis]:
    """Those on the candidate's tape, each source once; runs on another tape can't share its report."""
    first = analyses[0]
    seen, kept = set(), []
    for analysis in analyses:
        if analysis.run.frame.data_hash == first.run.frame.data_hash and analysis.run.run_hash not in seen:
            seen.add(analysis.run.run_hash)
            kept.append(analysis)
    return kept
