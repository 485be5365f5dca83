"""From swaps to an adapter: a prepared folder, and a base model fine-tuned on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rook_bench.core.console import err, remark
from rook_bench.core.files import check_replaceable
from rook_bench.dataset import prepare as dataset
from rook_bench.dataset.fit_rules import rules_of
from rook_bench.dataset.prepare import Prepared
from rook_bench.dataset.rules import Rules
from rook_bench.dataset.splits import SplitPlan
from rook_bench.language.manifest import adapter_hash
from rook_bench.language.runtime import require_train_extra
from rook_bench.market.row_sketch import RowSketch
from rook_bench.training import TrainSettings, load_settings
from rook_bench.trials import TrialLedger
from rook_bench.trials.trial import choice_of
from rook_bench.workbench.running import Tape, tape_of

if TYPE_CHECKING:
    from rook_bench.training.fit import Trained


def prepare(
    tape: Tape,
    rules: Rules | str | Path,
    out: str | Path,
    *,
    target_action_rate: float | None = None,
    purge: int = 100,
    embargo: int = 0,
    windows: bool = False,
    compat_rook: bool = False,
) -> Prepared:
    """Write features, conditions and labels in ROOK's layout, and chronological splits as exact tapes.

    Args:
        tape: the swaps, with amounts and ticks, or a file or folder of them.
        rules: what labels the rows, a file of it, or "fit:mean-reversion,breakout": thresholds from the training rows.
        target_action_rate: share of the training rows on which fitted rules trade, 0.1 by default.
        out: folder to write to, whole or not at all.
        purge: windows dropped at the end of train and validation.
        embargo: windows dropped at the start of validation and test.
        windows: write ROOK's train.csv, val.csv and test.csv too (see `dataset.prepare.prepare`).
        compat_rook: reproduce the published files, their leaks included; purge and embargo are then ROOK's.

    Raises:
        InputError, ConfigError: for swaps or rules that can't be used.
    """
    check_replaceable(Path(out))
    thresholds = rules_of(rules, target_action_rate)
    plan = None if compat_rook else SplitPlan(purge=purge, embargo=embargo)
    return dataset.prepare(tape_of(tape), thresholds, out, plan=plan, windows=windows, compat_rook=compat_rook)


def train(
    data_dir: str | Path,
    output_dir: str | Path,
    config: TrainSettings | str | Path | None = None,
    *,
    fresh: bool = False,
    trials: str | Path | None = None,
    say: Callable[[str], None] = remark,
    **settings: Any,
) -> Trained:
    """Fine-tune a base model with LoRA on a prepared folder; the same call goes on after an interruption.

    Args:
        data_dir: what `prepare` wrote.
        output_dir: the adapter's folder; appears whole or not at all.
        config: settings, or a file of them (ROOK's JSON keys among them).
        fresh: forget the checkpoints of an interrupted run.
        trials: folder of the trial ledger, which hears of the choice among checkpoints: a look at the validation rows.
        say: hears facts, warnings and a line per epoch.
        settings: keys of `TrainSettings` (model, num_epochs, max_samples, ...) that overrule `config`.

    Raises:
        InputError, ConfigError: without the extra `train`; for data, a base or settings that can't be used.
    """
    from rook_bench.training.fit import train as fit

    if isinstance(config, TrainSettings):
        chosen = TrainSettings.parse(config.model_dump() | settings, where="train")
    else:
        chosen = load_settings(config, **settings)
    require_train_extra()
    done = fit(data_dir, output_dir, chosen, say=say, console=err, fresh=fresh)
    told = done.manifest.training
    choice = choice_of(
        str(output_dir),
        adapter_hash(done.folder),
        told["settings"],
        told["data_hash"],
        done.chosen_by,
        done.checkpoints,
    )
    TrialLedger(Path(trials) if trials else None).record_choice(choice, RowSketch.from_json(done.chosen_by.rows))
    return done
