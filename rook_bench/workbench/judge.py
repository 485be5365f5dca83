"""Judge a candidate: runs or sources against a policy, with the trial ledger and the promotion record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rook_bench import gates
from rook_bench.core import ConfigError, InputError
from rook_bench.core.files import whole_folder
from rook_bench.core.project import models_folder, trials_folder
from rook_bench.core.reference import plugin_path
from rook_bench.gates import Policy, Tries, Verdict, Waiver, load_policy, load_waiver
from rook_bench.market.pool import Pool
from rook_bench.metrics import analyse
from rook_bench.plugins import trusting
from rook_bench.promotion.changed import changed_source
from rook_bench.promotion.record import Record, require_champion, resolve_champion
from rook_bench.replay import replay
from rook_bench.replay.causality import look_again
from rook_bench.replay.naming import names_of
from rook_bench.sources import Source
from rook_bench.trials import TrialLedger
from rook_bench.workbench.config import BenchConfig, settings_of
from rook_bench.workbench.evaluation import REPR_WIDTH, Evaluation, load_run, within
from rook_bench.workbench.folder import save_comparison, title_of
from rook_bench.workbench.live import live_shown
from rook_bench.workbench.running import Asked, Tape, named, run_sources, tape_of, told_apart, with_options
from rook_bench.workbench.trials_branch import TrialsBranch
from rook_bench.workbench.tries import (
    looks_of,
    put_on_record,
    require_promoted_trials,
    say_exchange,
)

CHAMPION = "champion"
"""The word that stands for the promoted champion."""

Contender = Evaluation | Asked | Path
"""What stands before the judge: an evaluation, the folder of a run, or (with a tape) a source."""


@dataclass(frozen=True, eq=False, repr=False)
class Judgement:
    """A verdict with the evaluations it rests on.

    Attributes:
        verdict: every check with its answer.
        evaluations: the candidate first, then what it was judged against and other sources on the same tape.
        looks: what the trial ledger said.
        folder: where it was saved, None until then.
    """

    verdict: Verdict
    evaluations: tuple[Evaluation, ...]
    looks: dict[str, Any]
    folder: Path | None = None

    @property
    def exit_code(self) -> int:
        """0 promote, 1 block, 2 inconclusive, 3 invalid."""
        return self.verdict.exit_code

    @property
    def reasons(self) -> list[str]:
        """The details of the checks that decided."""
        return self.verdict.reasons

    def save(self, folder: str | Path) -> Judgement:
        """Write verdict.json and its other forms, the runs and a report into a folder, whole.

        Returns:
            The same judgement, which knows where it lies.

        Raises:
            InputError: where the folder holds files that rook-bench did not write.
        """
        folder = Path(folder)
        with whole_folder(folder) as aside:
            self.write(aside)
        return replace(self, folder=folder)

    def write(self, folder: Path) -> dict[str, Any]:
        """Write the same into an existing (temporary) folder; returns what verdict.json holds."""
        shown = _on_one_tape(self.evaluations)
        title = f"Gate: {title_of(self.evaluations)}"
        record = save_comparison(shown, folder, title=title, verdict=self.verdict, looks=self.looks)
        assert record is not None
        return record

    def __repr__(self) -> str:
        of = f"Judgement {self.verdict.verdict} of {within(self.evaluations[0].name, 60)}"
        return f"<{within(': '.join([of, *self.reasons[:1]]), REPR_WIDTH)}>"

    def _repr_html_(self) -> str:
        from html import escape

        rows = "".join(
            f"<tr><td>{escape(check.status)}</td><td>{escape(check.name)}</td><td>{escape(check.text)}</td></tr>"
            for check in self.verdict.checks
        )
        return f"<p><b>{self.verdict.verdict}</b> ({escape(self.verdict.policy.name)})</p><table>{rows}</table>"


def judge(
    policy: Policy | str | Path,
    candidate: Contender,
    champion: Contender | None = None,
    *,
    tape: Tape | None = None,
    beside: Sequence[Evaluation] = (),
    config: BenchConfig | str | Path | None = None,
    seed: int | None = None,
    transfer: bool = False,
    waivers: Sequence[Waiver | str | Path] = (),
    models: str | Path | None = None,
    trials: str | Path | None = None,
    shared: TrialsBranch | None = None,
    live: str | Path | None = None,
    rpc: str | None = None,
    allow_plugins: Iterable[str | Path] = (),
) -> Judgement:
    """Judge a candidate by a policy, after its sources were asked again; the look is put on record first.

    Args:
        policy: what the candidate has to show, or a file of it.
        candidate: an evaluation or a run's folder; with `tape`, a source.
        champion: what it has to beat, in the same form; "champion" is the promoted one.
        tape: replays candidate and champion as sources on these swaps.
        beside: evaluations, on record already, that the report is to show too.
        config, seed: of that replay.
        transfer: ask adapters, the champion's too, on a pool that they were not trained on.
        waivers: checks that somebody answers for.
        models: the models folder, which holds the promotion record; the project's by default.
        trials: folder of the trial ledger; the project's by default.
        shared: a branch that the ledger is shared on. It is fetched first, and the look is there before the verdict
            is known; where that can't be, there is no verdict.
        live: folder of a live session of the candidate, where the policy asks for one; rpc: a node to fetch its
            blocks from anew.
        allow_plugins: files and folders whose code may run beside the project's strategies and the sources that are
            named here: that of runs, of the policy, the configuration and the promotion record.

    Raises:
        InputError, ConfigError, UnknownName: for anything that can't be judged.
    """
    named_here = [*files_of(candidate, tape is not None), *files_of(champion, tape is not None)]
    with trusting(strategies=True, files=[*allow_plugins, *named_here]):
        return _judge(
            policy,
            candidate,
            champion,
            tape=tape,
            beside=beside,
            config=config,
            seed=seed,
            transfer=transfer,
            waivers=waivers,
            models=models,
            trials=trials,
            shared=shared,
            live=live,
            rpc=rpc,
        )


def files_of(side: Contender | None, is_source: bool = True) -> list[Path]:
    """Plugin files that somebody named, or whose code this process runs already."""
    if isinstance(side, Evaluation | Source):
        source = side.run.source if isinstance(side, Evaluation) else side
        return [] if source.gone is not None else [source.choice.plugin.file]
    path = plugin_path(side.partition("=")[2] or side) if isinstance(side, str) and is_source else None
    named = plugin_path(side) if isinstance(side, str) and is_source else None
    return [one for one in (path, named) if one is not None]


@dataclass(frozen=True, eq=False)
class Look:
    """A candidate before its verdict: asked, replayed, and on record as looked at.

    Attributes:
        evaluations: the candidate first, then what it is judged against, then yardsticks on the same tape.
        against: what it is judged against.
        tries: what the trial ledger then knew.
    """

    evaluations: list[Evaluation]
    against: Evaluation | None
    tries: Tries


def _judge(
    policy: Policy | str | Path,
    candidate: Contender,
    champion: Contender | None,
    *,
    tape: Tape | None,
    beside: Sequence[Evaluation],
    config: BenchConfig | str | Path | None,
    seed: int | None,
    transfer: bool,
    waivers: Sequence[Waiver | str | Path],
    models: str | Path | None,
    trials: str | Path | None,
    shared: TrialsBranch | None,
    live: str | Path | None,
    rpc: str | None,
) -> Judgement:
    rules = policy if isinstance(policy, Policy) else load_policy(policy)
    signed = [waiver if isinstance(waiver, Waiver) else load_waiver(waiver) for waiver in waivers]
    seen = look_at(
        candidate,
        champion,
        tape=tape,
        settings=settings_of(config, seed) if tape is not None else None,
        transfer=transfer,
        models=models,
        trials=trials,
        shared=shared,
    )
    shown = None if live is None else live_shown(live, seen.evaluations[0].run.source, rpc)
    verdict = gates.judge(rules, seen.evaluations[0], seen.against, tries=seen.tries, waivers=signed, live=shown)
    return Judgement(verdict, (*seen.evaluations, *beside), looks_of(seen.tries))


def look_at(
    candidate: Contender,
    champion: Contender | None,
    *,
    tape: Tape | None,
    settings: BenchConfig | None,
    transfer: bool,
    models: str | Path | None,
    trials: str | Path | None,
    shared: TrialsBranch | None,
) -> Look:
    """Replay both sides and put the look on record, before any verdict is known; see `judge` for the arguments."""
    if candidate == CHAMPION:
        raise ConfigError("the promoted champion can't be its own candidate", where="candidate", hint="name a source")
    promoted = champion == CHAMPION
    if promoted:
        place = Path(models) if models else models_folder()
        require_champion(place)  # before a tape is read
        if tape is not None:
            tape = tape_of(tape)
            pool = tape.pool
        else:
            candidate = _evaluation(candidate)
            pool = candidate.run.frame.pool
        champion = resolve_champion(place, pool, anywhere=transfer)
        _check_unchanged(place, pool)
    if transfer:
        candidate = _transferred(candidate, is_source=tape is not None)
        champion = _transferred(champion, is_source=tape is not None or promoted)
    sides = [candidate] if champion is None else [candidate, champion]
    ledger = TrialLedger(Path(trials) if trials else trials_folder(Path(models) if models else None))
    if shared is not None:
        say_exchange(ledger, shared.require_writable(ledger))
    require_promoted_trials(ledger, Path(models) if models else models_folder())
    if tape is not None:
        evaluations = _from_sources(sides, tape, settings or BenchConfig())
    elif promoted:
        evaluations = _told_apart(_against_promoted(candidate, str(champion)))
    else:
        evaluations = _told_apart([looked_at_again(_evaluation(side)) for side in sides])
    against = evaluations[1] if champion is not None else None
    known = [against] if promoted and against is not None else []
    # The look is on record before the verdict is known, whatever becomes of it.
    tries = put_on_record(
        evaluations, "gate", ledger.folder, asked=len(sides), known=known, champion=against, shared=shared
    )
    return Look(evaluations, against, tries)


def _transferred(side: Any, *, is_source: bool) -> Any:
    """A source with transfer=true where it takes that; what is no source as it is."""
    if not is_source or not isinstance(side, str):
        return side
    try:
        return with_options([side], transfer=True)[0]
    except ConfigError:  # rules and baselines are at home anywhere
        return side


def _check_unchanged(models: Path, pool: Pool) -> None:
    """InputError where the champion's plugin is not what was promoted; known before any of it runs."""
    entry = Record(models).champion_on(pool, anywhere=True)
    problems = [] if entry is None or entry["plugin_sha256"] is None else changed_source(entry, models)
    if problems:
        raise InputError(problems[0], where=models, hint="restore it, or name another champion")


def pilot(
    tape: Tape,
    champion: Asked,
    candidate: Asked | None = None,
    config: BenchConfig | str | Path | None = None,
    *,
    seed: int | None = None,
    models: str | Path | None = None,
) -> tuple[Evaluation, Evaluation]:
    """A pair of runs to learn from how much a difference varies: a stand-in for the candidate, and the champion.

    Args:
        candidate: a source like the candidate; by default chance at the champion's action rate.
    """
    settings = settings_of(config, seed)
    if champion == CHAMPION:
        place = Path(models) if models else models_folder()
        require_champion(place)  # before a tape is read
        tape = tape_of(tape)
        champion = resolve_champion(place, tape.pool)
    sides = told_apart(named([champion] if candidate is None else [champion, candidate]))
    frame = tape_of(tape)
    (theirs,) = run_sources(frame, sides[:1], settings)
    rate = theirs.run.decided.tape.action_rate
    stand_in = named([f"random:{rate if 0 < rate < 1 else 0.1:.3f}"]) if candidate is None else sides[-1:]
    (mine,) = run_sources(frame, stand_in, settings)
    return mine, theirs


def looked_at_again(evaluation: Evaluation) -> Evaluation:
    """The same with a look-ahead check at places that nobody can know beforehand.

    A leak that was found stays found, even if the source can't be asked any more.
    """
    lookahead = look_again(evaluation.run, np.random.default_rng())
    if evaluation.run.lookahead.status == "leak":
        return evaluation
    return replace(evaluation, run=replace(evaluation.run, lookahead=lookahead))


def _evaluation(side: Contender) -> Evaluation:
    """An evaluation, or a run from disk, replayed and measured."""
    if isinstance(side, Evaluation):
        return side
    if not isinstance(side, str | Path) or not Path(side).is_dir():
        raise InputError(
            f"'{side}' is no run folder", where="gate", hint="to judge a source, give its tape too (tape=, --data)"
        )
    return load_run(side)


def _from_sources(sides: Sequence[Contender], tape: Tape, settings: BenchConfig) -> list[Evaluation]:
    asked = [str(side) if isinstance(side, Path) else side for side in sides if not isinstance(side, Evaluation)]
    if len(asked) < len(sides):
        raise ConfigError("an evaluation has a tape of its own", where="tape", hint="leave tape out, or name sources")
    sources = named(asked)
    evaluations = run_sources(tape_of(tape), sources, settings, benchmarks=True)
    evaluations[0] = looked_at_again(evaluations[0])
    # A champion named like the candidate is compared with itself, which the checks refuse.
    return evaluations if len(sources) == len(sides) else [evaluations[0], *evaluations]


def _told_apart(evaluations: list[Evaluation]) -> list[Evaluation]:
    """The same with names that differ where their sources do: two runs were made without knowing of each other."""
    if len({one.name for one in evaluations}) == len(evaluations):
        return evaluations
    names = names_of([one.run.source.reference for one in evaluations])
    return [replace(one, run=replace(one.run, label=name)) for one, name in zip(evaluations, names, strict=True)]


def _against_promoted(candidate: Contender, champion: str) -> list[Evaluation]:
    """A run, and the promoted champion replayed on its tape under its assumptions."""
    mine = looked_at_again(_evaluation(candidate))
    theirs = replay(mine.run.frame, champion, mine.run.config, tape_check=mine.run.tape_check)
    return [mine, Evaluation.of(analyse(theirs, mine.clock))]


def _on_one_tape(evaluations: Sequence[Evaluation]) -> list[Evaluation]:
    """Those on the candidate's tape, each source once; runs on another tape can't share its report."""
    data, seen, kept = evaluations[0].run.frame.data_hash, set(), []
    for evaluation in evaluations:
        if evaluation.run.frame.data_hash == data and evaluation.run.run_hash not in seen:
            seen.add(evaluation.run.run_hash)
            kept.append(evaluation)
    return kept
