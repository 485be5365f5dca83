"""The package of a job: what training needs and nothing else, the same bytes for the same job."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rook_bench.core import InputError
from rook_bench.core.config import Config, read_json_record
from rook_bench.core.files import whole_file, whole_folder
from rook_bench.core.hashing import sha256_file
from rook_bench.core.project import MARKER
from rook_bench.language.adapter import recorded_base
from rook_bench.language.base import check_base, find_base
from rook_bench.language.manifest import check_files, read_manifest
from rook_bench.language.place import FILE, place_of
from rook_bench.remote.code import code_files, lock_files
from rook_bench.remote.runner.job import ADAPTER, Trouble
from rook_bench.remote.runner.package import extract
from rook_bench.remote.secrets import check_secrets
from rook_bench.training import TrainSettings

MANIFEST = "job.json"

TAPES = ("splits.json", "metadata.json", "train.parquet", "val.parquet")
"""Files of a prepared folder that training reads. The test split stays here."""

TABLES = ("core_features.csv", "labeled_dataset.csv", "train.csv", "val.csv")
"""The same of a folder in ROOK's layout without split tapes; each may be packed (.gz)."""

BASE = (
    *("config.json", "generation_config.json", "model.safetensors.index.json", "tokenizer.json"),
    *("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "vocab.txt", "merges.txt"),
    *("tokenizer.model", "spiece.model", "chat_template.jinja"),
)
"""Files of a base model beside its weights, which are `*.safetensors`."""


@dataclass(frozen=True)
class Call:
    """A call of `train`, as it is to happen elsewhere.

    Attributes:
        data_dir, stage, rewards, drafts, parent: as for `train`.
        settings: all of them, as the call came to them here.
    """

    data_dir: Path
    settings: TrainSettings
    stage: str = "sft"
    rewards: Path | None = None
    drafts: Path | None = None
    parent: Path | None = None


class Packed(Config):
    """A file of a package."""

    sha256: str
    bytes: int


class JobManifest(Config):
    """What a package holds; a job is called by the hash of this.

    Attributes:
        command: arguments of `rook-bench` on the box.
        stage: of training.
        settings: as they were given here, for the record.
        base: name of the base model below work/models/base; None of one that comes from the hub.
        files: every other file of the package, by its name.
    """

    version: Literal[1] = 1
    command: list[str]
    stage: str
    settings: dict[str, Any]
    base: str | None
    files: dict[str, Packed]

    @property
    def text(self) -> str:
        """The manifest as it stands in the package."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, indent=1, ensure_ascii=False) + "\n"

    @property
    def job(self) -> str:
        """What the job is called: 16 hex digits."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]


def plan_package(call: Call, aside: Path) -> tuple[JobManifest, dict[str, Path]]:
    """The manifest of a call's package, and where each file of it lies here.

    Args:
        call: what is to be trained.
        aside: an empty folder for the few files that are written for the package.

    Raises:
        InputError: for inputs that are not there, and for files that hold a secret.
    """
    files = {f"work/data/{name}": path for name, path in _data_files(call.data_dir).items()}
    command = ["train", "--data-dir", "data", "--output-dir", ADAPTER, "--config", "settings.json"]
    command += ["--trials", "trials", "--stage", call.stage]
    if call.rewards is not None:
        names = ("rewards.json", "rewards.parquet", "critic.json", "critic.npz")
        files |= _named(call.rewards, names, "work/rewards", "rook-bench reward")
        command += ["--rewards", "rewards"]
    if call.drafts is not None:
        record = call.drafts.with_suffix(".json")
        for path, name in ((call.drafts, "drafts.jsonl"), (record, "drafts.json")):
            if not path.is_file():
                raise InputError("no such file", where=path, hint="make drafts with rook-bench teach")
            files[f"work/{name}"] = path
        command += ["--drafts", "drafts.jsonl"]
    there: dict[str, Any] = {}
    if call.parent is not None:
        told = read_manifest(call.parent)
        check_files(call.parent, told)
        place = place_of(call.parent)
        files |= {f"work/parent/{name}": place.folder / name for name in told.files}
        files[f"work/parent/{FILE}"] = place.record
        command += ["--from", "parent"]
        found = find_base(recorded_base(call.parent, told))
    else:
        found = find_base(call.settings.model)
        template = Path(call.settings.template)
        if template.suffix:
            there["template"] = f"template{template.suffix}"
            files[f"work/{there['template']}"] = template
    base = None
    if Path(found).is_dir():
        base = Path(found).resolve().name
        files |= {f"work/models/base/{base}/{name}": path for name, path in _base_files(Path(found)).items()}
        there["model"] = base
    else:
        check_base(found)  # the box loads it from the hub, and so does this machine when the adapter comes home
    settings = call.settings.model_dump(mode="json", exclude_none=True)
    written = {"settings.json": json.dumps(settings | there, indent=1, sort_keys=True), MARKER: ""}
    for name, text in written.items():
        (aside / name).write_text(text, encoding="utf-8")
        files[f"work/{name}"] = aside / name
    files |= {f"code/{name}": path for name, path in code_files(aside).items()}
    files |= {f"lock/{name}": path for name, path in lock_files().items()}
    files = dict(sorted(files.items()))
    check_secrets(files)
    packed = {name: Packed(sha256=sha256_file(path), bytes=path.stat().st_size) for name, path in files.items()}
    plain = call.settings.model_dump(mode="json")
    return JobManifest(command=command, stage=call.stage, settings=plain, base=base, files=packed), files


def _data_files(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise InputError("no such folder", where=folder, hint="make one with rook-bench data prepare")
    if (folder / "splits.json").is_file():
        return _named(folder, TAPES, "", "rook-bench data prepare")
    files: dict[str, Path] = {}
    for name in TABLES:
        path = next((folder / file for file in (name, f"{name}.gz") if (folder / file).is_file()), None)
        if path is None:
            raise InputError(f"there is no {name}", where=folder, hint="make it with rook-bench data prepare")
        files[path.name] = path
    return files | {path.name: path for path in [folder / "metadata.json"] if path.is_file()}


def _named(folder: Path, names: tuple[str, ...], below: str, verb: str) -> dict[str, Path]:
    for name in names:
        if not (folder / name).is_file():
            raise InputError(f"there is no {name}", where=folder, hint=f"make it with {verb}")
    return {f"{below}/{name}" if below else name: folder / name for name in names}


def _base_files(folder: Path) -> dict[str, Path]:
    files = {path.name: path for path in sorted(folder.glob("*.safetensors"))}
    if not files:
        raise InputError("no weights as safetensors", where=folder, hint="save the model with save_pretrained")
    return files | {name: folder / name for name in BASE if (folder / name).is_file()}


def write_package(manifest: JobManifest, files: Mapping[str, Path], out: Path) -> None:
    """Write the package, whole: neither times, owners nor names of this machine are in it.

    Raises:
        InputError: where a file changed since the manifest was made.
    """
    # Level 1: weights and Parquet hardly pack, and the way is rarely slower than that.
    with (
        whole_file(out) as aside,
        aside.open("wb") as raw,
        gzip.GzipFile("", "wb", 1, raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|") as tar,
    ):
        text = manifest.text.encode()
        tar.addfile(_entry(MANIFEST, len(text)), io.BytesIO(text))
        for name, path in files.items():
            with path.open("rb") as file:
                try:
                    tar.addfile(_entry(name, manifest.files[name].bytes), file)
                except OSError:
                    what = "it changed while it was packed"
                    raise InputError(what, where=path, hint="run the command again") from None


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o644
    return entry


def unpack_package(package: Path, folder: Path) -> JobManifest:
    """Unpack a package here, whole, every file checked; its manifest.

    Raises:
        InputError: for what is no package, or not one that is whole.
    """
    if not package.is_file():
        raise InputError("no such package", where=package, hint="make one with rook-bench remote package")
    with whole_folder(folder) as aside:
        try:
            extract(package, aside)
        except (Trouble, OSError, EOFError, tarfile.TarError, gzip.BadGzipFile) as error:
            raise InputError(f"not a package that is whole ({error})", where=package, hint="make it again") from None
        manifest = read_json_record(JobManifest, aside / MANIFEST, "the package's manifest", "make it again")
        found = {path.relative_to(aside).as_posix() for path in aside.rglob("*") if path.is_file()} - {MANIFEST}
        if found != set(manifest.files):
            raise InputError("it holds other files than it names", where=package, hint="make it again")
        for name, told in manifest.files.items():
            if sha256_file(aside / name) != told.sha256:
                raise InputError(f"{name} is not what the package says it is", where=package, hint="make it again")
    return manifest
