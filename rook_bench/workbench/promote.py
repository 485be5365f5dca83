"""Make the candidate of a verdict champion, judged again first."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from rook_bench.core.hash_chain import Entry
from rook_bench.core.project import models_folder, trials_folder
from rook_bench.gates.formats.verdict_file import check_promotes, read_verdict
from rook_bench.plugins import trusting
from rook_bench.promotion import change
from rook_bench.promotion.change import Other
from rook_bench.promotion.record import Record
from rook_bench.workbench.judge import Judgement
from rook_bench.workbench.judge_pools import PoolsJudgement, is_over_pools, rejudge_pools
from rook_bench.workbench.rejudge import rejudge


def promote(
    verdict: Judgement | PoolsJudgement | str | Path,
    *,
    models: str | Path | None = None,
    trials: str | Path | None = None,
    sign_key: Path | None = None,
    reason: str = "",
    allow_other_champion: bool = False,
    allow_other_policy: bool = False,
    allow_other_config: bool = False,
    rpc: str | None = None,
    allow_plugins: Iterable[str | Path] = (),
) -> Entry:
    """Make the candidate of a verdict champion, and return the entry of the promotion record that says so.

    The verdict is judged again from its runs first, whatever it says of itself. One over several pools makes an entry
    for each pool that it promotes for, by that pool's own verdict; the last one is returned. Where it was stopped
    between two, it goes on.

    Args:
        verdict: a judgement, or verdict.json of a saved one, or its folder.
        models: the models folder, which holds the record; the project's by default.
        trials: folder of the trial ledger that the verdict was given by; the project's by default.
        sign_key: a private elliptic-curve key (PEM) to sign the stored copy with.
        reason: a remark for the reader of the record.
        allow_other_champion: accept a verdict given against another champion than the present one.
        allow_other_policy: accept one given by another policy than successions go by: that of the last one, and of
            the first `rook-promotion`. This and the next are recorded.
        allow_other_config: accept one given under other assumptions or another clock than the champion's.
        rpc: a node, where the verdict rests on a live session whose blocks were fetched anew.
        allow_plugins: files and folders whose code may run beside the project's strategies.

    Raises:
        InputError: with the reason, where anything is not as the verdict says. The record is then as it was.
    """
    if isinstance(verdict, Judgement | PoolsJudgement) and verdict.folder is None:
        with tempfile.TemporaryDirectory(prefix="rook-bench-") as folder:
            saved = verdict.save(Path(folder) / "verdict")
            return promote(
                saved,
                models=models,
                trials=trials,
                sign_key=sign_key,
                reason=reason,
                allow_other_champion=allow_other_champion,
                allow_other_policy=allow_other_policy,
                allow_other_config=allow_other_config,
                rpc=rpc,
                allow_plugins=[*allow_plugins, *_own(verdict)],
            )
    given: dict[Other, bool] = {
        "champion": allow_other_champion,
        "policy": allow_other_policy,
        "config": allow_other_config,
    }
    path = verdict.folder if isinstance(verdict, Judgement | PoolsJudgement) else Path(verdict)
    assert path is not None
    ledger = Path(trials) if trials else trials_folder(Path(models) if models else None)
    allowed = [*allow_plugins, *(_own(verdict) if isinstance(verdict, Judgement | PoolsJudgement) else [])]
    promoting = partial(
        change.promote,
        models=Path(models) if models else models_folder(),
        sign_key=sign_key,
        reason=reason,
        allow=[name for name, given_here in given.items() if given_here],
    )
    with trusting(strategies=True, files=allowed):
        if not is_over_pools(path):
            return promoting(path, rejudge=partial(rejudge, trials=ledger, rpc=rpc))
        return _promote_pools(path, ledger, promoting)


def _promote_pools(path: Path, trials: Path, promoting: partial[Entry]) -> Entry:
    """An entry for each pool that the verdict promotes for, once all of it came out again."""
    folder = path if path.is_dir() else path.parent
    record = read_verdict(folder / "verdict.json")
    check_promotes(record, where=folder / "verdict.json", now=datetime.now(UTC))
    done: list[Entry] = []
    for name, again in rejudge_pools(folder, trials).items():
        served = read_verdict(folder / name)["hash"]
        champions = Record(promoting.keywords["models"]).champions
        known = next((entry for entry in champions if entry["verdict_hash"] == served), None)
        done.append(known or promoting(folder / name, rejudge=_giving(again), joint=record["hash"]))
    return done[-1]


def _giving(again: Mapping[str, Any]) -> Callable[[Path], Mapping[str, Any]]:
    return lambda _: again


def _own(judgement: Judgement | PoolsJudgement) -> list[Path]:
    """Plugin files whose code this process runs already."""
    parts = [judgement] if isinstance(judgement, Judgement) else judgement.judgements
    sources = [evaluation.run.source for part in parts for evaluation in part.evaluations]
    return [source.choice.plugin.file for source in sources if source.gone is None]
