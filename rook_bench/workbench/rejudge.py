"""Judge again what a gate judged: its runs, its policy and its waivers; nothing that the verdict says is believed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rook_bench import gates
from rook_bench.core import InputError
from rook_bench.core.project import trials_folder
from rook_bench.core.untrusted import confined
from rook_bench.gates import Policy, Tries, Verdict, Waiver
from rook_bench.gates.checks.beside import Beside
from rook_bench.gates.checks.live import LiveShown
from rook_bench.gates.formats.verdict_file import read_verdict
from rook_bench.plugins import trusting
from rook_bench.trials import TrialLedger
from rook_bench.workbench.evaluation import Evaluation, load_run
from rook_bench.workbench.folder import with_folders
from rook_bench.workbench.judge import looked_at_again
from rook_bench.workbench.live import live_shown
from rook_bench.workbench.tries import require_own_look, require_trials, tries_of


def rejudge(
    folder: Path,
    trials: Path | None = None,
    *,
    rpc: str | None = None,
    allow_plugins: Iterable[str | Path] = (),
) -> dict[str, Any]:
    """Judge again what lies in the folder of a gate: its runs, the policy and the waivers of its verdict.

    Nothing that the verdict says is taken for granted: runs are checked and replayed, sources asked
    again about the past, and the trial ledger is read up to the entry that it then ended with.

    Args:
        folder: of the gate.
        trials: of the ledger.
        rpc: a node, where the verdict rests on a live session whose blocks were fetched anew.
        allow_plugins: files and folders whose code may run beside the project's strategies.

    Raises:
        InputError: where something is missing or does not match its hash.
    """
    with trusting(strategies=True, files=allow_plugins):
        return judge_again(Path(folder), trials, rpc=rpc).record


@dataclass(frozen=True, eq=False)
class Again:
    """A verdict given once more.

    Attributes:
        verdict: the same question to the same runs.
        record: as verdict.json holds it.
        candidate, champion: the runs that it rests on.
    """

    verdict: Verdict
    record: dict[str, Any]
    candidate: Evaluation
    champion: Evaluation | None


def judge_again(folder: Path, trials: Path | None, *, rpc: str | None = None) -> Again:
    """See `rejudge`; what else is known of it, too."""
    record = read_verdict(folder / "verdict.json")
    asked = {name: value for name, value in record["policy"].items() if name != "hash"}
    policy = Policy.parse(asked, where=folder / "verdict.json")
    sides = [side for side in (record["candidate"], record["champion"]) if side is not None]
    evaluations = [looked_at_again(load_run(confined(folder, str(side["run"])))) for side in sides]
    against = evaluations[1] if record["champion"] is not None else None
    tries = None
    if record["trials"] is not None:
        ledger = TrialLedger(trials or trials_folder())
        require_trials(ledger, record["trials"]["head"], f"the verdict of {folder}")
        require_own_look(ledger, record["trials"]["head"], evaluations[0], f"the verdict of {folder}")
        tries = tries_of(ledger, evaluations[0], against, upto=record["trials"]["head"])

    live = _live_again(record.get("live"), evaluations[0], rpc)

    def judged(known: Tries | None) -> Verdict:
        return gates.judge(
            policy,
            evaluations[0],
            against,
            tries=known,
            waivers=[Waiver.from_json(waiver) for waiver in record["waivers"]],
            beside=Beside.from_json(record["beside"]) if "beside" in record else None,
            live=live,
            judged_at=datetime.fromisoformat(record["judged_at"]),
        )

    verdict = judged(tries)
    if tries is not None and tries.head != ledger.head and verdict.verdict == "PROMOTE":
        # What was tried since counts too: the verdict chooses among more by now.
        now = judged(tries_of(ledger, evaluations[0], against))
        if now.verdict != "PROMOTE":
            what = f"with what was tried since the verdict it would be {now.verdict}: {now.reasons[0]}"
            raise InputError(what, where=ledger.folder, hint="judge again")
    again = with_folders(verdict.to_json(), {side["run_hash"]: side["run"] for side in sides})
    return Again(verdict, again, evaluations[0], against)


def _live_again(told: Mapping[str, Any] | None, candidate: Evaluation, rpc: str | None) -> LiveShown | None:
    """The live session of a verdict, read up to the entry that its journal then ended with, and checked again."""
    if told is None:
        return None
    if told["against"] == "chain" and rpc is None:
        what = "the verdict rests on a live session whose blocks were fetched anew"
        raise InputError(what, where=told["folder"], hint="name a node with --rpc, for it to be judged again")
    return live_shown(
        told["folder"], candidate.run.source, rpc if told["against"] == "chain" else None, upto=str(told["journal"])
    )
