"""Folds that are being trained: the job of an engine, and the folder in which they wait for the last one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout
from rich.console import Console

from rook_bench.core import InputError, RookError
from rook_bench.core.console import err
from rook_bench.core.files import write_json
from rook_bench.core.hashing import TRAINING, sha256_code, sha256_file, sha256_json
from rook_bench.dataset.folds import of_fold, read_folds
from rook_bench.dataset.split_tapes import LISTING
from rook_bench.language.base import find_base
from rook_bench.language.manifest import LearnedFrom, adapter_hash, read_manifest
from rook_bench.language.template import load_template
from rook_bench.training.settings import TrainSettings
from rook_bench.workbench.fine_tune import carry_out

if TYPE_CHECKING:
    from rook_bench.training.fit import Trained

FINGERPRINT = "folds-run.json"
"""What the folds that wait in the working folder were trained with."""


@dataclass(frozen=True)
class FoldTraining:
    """A job (see `engines.Job`): pieces are names of folds, and their results are `Trained`.

    Attributes:
        data_dir: the prepared folds; work: where adapters wait.
        settings, inputs: of every fold (see `settings_of_training`).
        say: hears how it goes, in this process; None elsewhere.
    """

    data_dir: Path
    work: Path
    settings: TrainSettings
    inputs: Mapping[str, Path | None]
    say: Callable[[str], None] | None

    def open(self) -> Callable[[str], tuple[Trained, list[str]]]:
        """Ready to train folds; with each come the lines that nobody heard."""
        return self._train

    def _train(self, name: str) -> tuple[Trained, list[str]]:
        say, lines = self.say, list[str]()
        inputs = {key: None if path is None else of_fold(path, name) for key, path in self.inputs.items()}
        trained = carry_out(
            self.data_dir / name,
            self.work / name,
            self.settings,
            inputs,
            say=lines.append if say is None else lambda line: say(f"{name}: {line}"),
            console=Console(quiet=True) if say is None else err,
        )
        return trained, lines

    @property
    def fingerprint(self) -> str:
        """What is trained, on what: folds that wait are kept for the same call alone."""
        from rook_bench.training.run import versions

        folds = read_folds(self.data_dir, "data")
        given = {
            key: [content_of(of_fold(path, name)) for name in folds.names]
            for key, path in self.inputs.items()
            if path is not None
        }
        return sha256_json(
            {
                "settings": self.settings.model_dump(mode="json"),
                "template": None if self.inputs["from"] else load_template(self.settings.template).sha256,
                "base": content_of(Path(find_base(self.settings.model))),
                "versions": versions(),
                "folds": folds.model_dump(mode="json"),
                "splits": [content_of(self.data_dir / name / LISTING) for name in folds.names],
                "inputs": given,
                "code": sha256_code(*TRAINING),
            }
        )


def content_of(path: Path) -> list[str]:
    """Hashes of a file, or of the files of a folder; none of what is not there, which training itself tells."""
    files = sorted(file for file in path.iterdir() if file.is_file()) if path.is_dir() else [path]
    return [sha256_file(file) for file in files if file.is_file()]


@contextmanager
def working(work: Path, job: FoldTraining, say: Callable[[str], None], *, fresh: bool) -> Iterator[None]:
    """The folder in which folds wait for the last one; what another call left there is forgotten."""
    with only_one(work):
        mark = work / FINGERPRINT
        if work.is_symlink() or (work.exists() and not mark.is_file()):
            what = "folds wait here while others are trained, and something else has the name"
            raise InputError(what, where=work, hint="move it away, or choose another --output-dir")
        if work.exists() and (fresh or mark.read_text(encoding="utf-8") != job.fingerprint):
            if not fresh:
                say("note: an interrupted run with other settings, data or code lay here; starting over")
            shutil.rmtree(work)
        work.mkdir(parents=True, exist_ok=True)
        mark.write_text(job.fingerprint, encoding="utf-8")
        try:
            yield
        finally:
            if work.exists() and [path.name for path in work.iterdir()] == [FINGERPRINT]:  # nothing came of it
                shutil.rmtree(work)


@contextmanager
def only_one(work: Path) -> Iterator[None]:
    """Hold the lock beside a working folder; InputError at once where another call has it."""
    work.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(work.with_name(work.name + ".lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        what = "another call trains these folds now"
        raise InputError(what, where=work, hint="wait for it to end, or choose another --output-dir") from None
    try:
        yield
    finally:
        lock.release()
        work.with_name(work.name + ".lock").unlink(missing_ok=True)


def keep(work: Path, name: str, trained: Trained) -> None:
    """Note that a fold is finished and on record, with what its adapter does not say itself."""
    told = {
        "adapter": adapter_hash(work / name),
        "checkpoints": trained.checkpoints,
        "chosen_by": trained.chosen_by.model_dump(mode="json"),
        "ceiling": None if trained.ceiling is None else asdict(trained.ceiling),
    }
    write_json(work / f"{name}.json", told)


def kept(work: Path, name: str) -> Trained | None:
    """A fold that an earlier call finished; None where it did not."""
    from rook_bench.training.fit import Ceiling, Trained

    try:
        told = json.loads((work / f"{name}.json").read_text(encoding="utf-8"))
        if adapter_hash(work / name) != told["adapter"]:
            return None
        manifest = read_manifest(work / name)
        chosen_by, checkpoints = LearnedFrom.parse(told["chosen_by"], where=work), int(told["checkpoints"])
        ceiling = None if told["ceiling"] is None else Ceiling(**told["ceiling"])
    except (OSError, RookError, ValueError, KeyError, TypeError):  # begun and not ended, or damaged since
        return None
    return Trained(
        folder=work / name,
        manifest=manifest,
        ceiling=ceiling,
        validation=manifest.training["validation"],
        resumed=True,
        chosen_by=chosen_by,
        checkpoints=checkpoints,
    )
