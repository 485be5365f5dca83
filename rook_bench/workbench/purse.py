"""One source over several pools with one purse: replayed, measured, put on record, written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rook_bench.core.console import on_terminal, remark, warn
from rook_bench.core.files import whole_folder, write_json
from rook_bench.core.hashing import PACKAGE, sha256_json
from rook_bench.core.project import trials_folder
from rook_bench.market.row_sketch import RowSketch
from rook_bench.metrics.clock import Borders
from rook_bench.metrics.purse import PurseAnalysis
from rook_bench.replay.purse import replay_purse
from rook_bench.replay.purse.saved import save_purse
from rook_bench.trials import TrialLedger
from rook_bench.trials.trial import Trial, assumed, pool_of, span_of
from rook_bench.workbench.pair_configs import Configs, all_settings, each_for
from rook_bench.workbench.running import Asked, Tape, named, tape_of


@dataclass(frozen=True, eq=False, repr=False)
class PurseEvaluation(PurseAnalysis):
    """What a source came to over several pools with one purse."""

    def save(self, folder: str | Path, *, report: bool = True, pictures: bool = True) -> Path:
        """Write the run, its measures and its report into a folder of its own, whole; see `Evaluation.save`."""
        folder = Path(folder)
        with whole_folder(folder) as aside:
            save_purse(self.run, aside)
            write_json(aside / "metrics.json", self.to_json())
            write_json(aside / "clock.json", self.clock.model_dump())
            if report:
                from rook_bench.report.purse import write_purse_report

                write_purse_report(self, aside, title=f"{self.run.name} with one purse", with_pictures=pictures)
        return folder / "report.html" if report else folder


def evaluate_purse(
    tapes: Sequence[Tape],
    source: Asked,
    config: Configs = None,
    *,
    seed: int | None = None,
    fresh: bool = False,
    trials: str | Path | None = None,
) -> PurseEvaluation:
    """Replay one source on several tapes with one purse, measure it, and put the try on record.

    Args:
        tapes: one of each pool; see `evaluate`.
        source: as for `evaluate`; it is asked on each tape for itself.
        config: as for `evaluate`; of several each is for the pools of its `pair`, and one without a pair for the rest.
            Capital, numeraire, clock and seed are the first one's.
        seed, fresh, trials: as for `evaluate`. It is one try on every pool's stretch.

    Raises:
        InputError, ConfigError, UnknownName: for tapes, a source or settings that can't be used.
    """
    settings = all_settings(config, seed)
    ((name, asked),) = named([source])
    frames = [tape_of(tape) for tape in tapes]
    chosen = each_for(settings, [frame.pool for frame in frames])
    shared = settings[0]
    configs = [
        one.replay().model_copy(update={"capital": shared.capital, "numeraire": shared.numeraire}) for one in chosen
    ]
    run = replay_purse(frames, asked, configs, progress=on_terminal(), fresh=fresh)
    run = replace(run, label=name)
    for leg in run.legs:
        if leg.decided.reused:
            remark(f"{leg.pool.pair}: decisions reused from an earlier run")
        if leg.lookahead.status == "leak":
            warn(f"{leg.pool.pair}: LOOK-AHEAD, {leg.lookahead.detail}; this run can't get a verdict")
    evaluation = PurseEvaluation(run, shared.clock)
    _put_on_record(evaluation, TrialLedger(Path(trials) if trials else trials_folder()))
    return evaluation


def _put_on_record(evaluation: PurseAnalysis, ledger: TrialLedger) -> None:
    """A try on each pool's stretch, with the purse's returns there: to look at all of them is to look at each."""
    run, clock = evaluation.run, evaluation.clock
    for leg in run.legs:
        plugin = leg.decided.source.choice.plugin
        holds = plugin.name == "hold" and plugin.file.is_relative_to(PACKAGE)
        borders = Borders(leg.frame, clock).at
        equity = (run.balances_at(borders) * run.rates_at(borders)).sum(axis=1) + run.came_in_at(borders)[1]
        because = f"the tape is shorter than two borders of {clock.label}" if len(borders) < 2 else None
        if because is None and not (np.isfinite(equity) & (equity > 0)).all():
            because = "the purse is not positive at some border, and has no logarithm there"
        first, last = span_of(leg.frame)
        trial = Trial(
            kind="replay",
            role="benchmark" if holds else "candidate",
            source=leg.decided.source.reference,
            source_hash=leg.decided.source.content,
            run_hash=run.run_hash,
            decisions_hash=leg.decided.tape.content_hash,
            config_hash=sha256_json([assumed(leg.config), [other.run_hash for other in run.legs]]),
            data_hash=leg.frame.data_hash,
            pool=pool_of(leg.frame),
            first_at=first,
            last_at=last,
            bucket_s=clock.bucket_s,
            n=max(len(borders) - 1, 0),
            returns=None,
            returns_undefined_because=because,
            lookahead=leg.lookahead.status,
        )
        returns = np.empty(0) if because else np.diff(np.log(equity))
        ledger.record_points([trial], [returns], RowSketch.of(leg.frame))
    remark(f"trial ledger: {ledger.folder}; one try on each of {len(run.legs)} pools")
