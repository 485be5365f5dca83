"""The way home of an adapter: known files of known sizes, then everything worked out again here."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, cast

from rook_bench.core import InputError
from rook_bench.core.files import whole_folder
from rook_bench.core.hashing import sha256_file
from rook_bench.core.untrusted import word
from rook_bench.language.base import find_base
from rook_bench.language.manifest import WEIGHTS
from rook_bench.language.place import FILE
from rook_bench.remote.box import Box
from rook_bench.remote.package import BASE, JobManifest
from rook_bench.training import TrainSettings
from rook_bench.training.fit import Trained, imitation_run, policy_run
from rook_bench.training.returned import returned_files, take_returned

MOST_HUB_WEIGHTS = 16 * 2**30
"""Bytes of weights that may come back where the base is not in the package."""


FETCH_S = 3600.0
"""Seconds in which an adapter must have come."""


def fetch_files(box: Box, job: str, manifest: JobManifest, folder: Path) -> None:
    """Fetch what training wrote on a box into a folder, whole.

    Raises:
        InputError: for anything that was not asked for, or is larger than it can be.
        ConnectionLost: where the connection breaks.
    """
    wanted = _wanted(manifest)
    with whole_folder(folder) as aside, box.collect(job, list(wanted)) as talk:
        talk.no_more()
        try:
            with talk.within(FETCH_S):
                read_returned(talk.stdout, wanted, aside, box.ssh.host)
        except InputError:
            code = talk.process.poll()
            if code:  # what came is not whole because the connection broke
                raise box.ssh.trouble(code, talk.complaint()) from None
            raise


def read_returned(stream: IO[bytes], wanted: dict[str, int], folder: Path, host: str) -> None:
    """Write the files of a tar that comes from a box.

    Args:
        stream: the tar; wanted: files that it must hold, with the bytes of each at most; folder: an empty one.

    Raises:
        InputError: for any other file, for what is no file, for one too large, and where one is missing.
    """
    came: set[str] = set()
    bounded = _Bounded(stream, sum(wanted.values()) + 2**20, host)
    try:
        with tarfile.open(fileobj=cast(IO[bytes], bounded), mode="r|") as tar:
            for member in tar:
                name = word(member.name, 80)
                if not member.isreg():
                    raise InputError(f"the box sends {name}, which is no file", where=host)
                if member.name not in wanted or member.name in came:
                    raise InputError(f"the box sends {name}, which was not asked for", where=host)
                if member.size > wanted[member.name]:
                    what = f"the box sends {name} of {member.size:,} bytes; it can have {wanted[member.name]:,} at most"
                    raise InputError(what, where=host)
                source = tar.extractfile(member)
                assert source is not None
                with source, (folder / member.name).open("wb") as file:
                    while piece := source.read(1 << 20):
                        file.write(piece)
                came.add(member.name)
    except (tarfile.TarError, EOFError) as error:
        raise InputError(f"what comes from the box is no tar ({word(str(error), 80)})", where=host) from None
    missing = sorted(wanted.keys() - came)
    if missing:
        raise InputError(f"the box did not send {missing[0]}", where=host, hint="train again")


class _Bounded:
    """A stream of at most so many bytes: a header of a tar may say that gigabytes follow."""

    def __init__(self, stream: IO[bytes], most: int, host: str) -> None:
        self._stream, self._left, self._host = stream, most, host

    def read(self, size: int) -> bytes:
        """The next bytes; InputError where there are too many."""
        piece = self._stream.read(size)
        self._left -= len(piece)
        if self._left < 0:
            raise InputError("the box sends more than what was asked for can have", where=self._host)
        return piece


def copy_returned(manifest: JobManifest, came: Path, folder: Path) -> None:
    """Copy what training wrote from where it lies here: plain files of known sizes, and nothing else.

    Raises:
        InputError: where one is missing, a link, or larger than it can be.
    """
    with whole_folder(folder) as aside:
        for name, most in _wanted(manifest).items():
            path = came / name
            if path.is_symlink() or not path.is_file():
                raise InputError(f"there is no {name}", where=came, hint="name the folder that the run wrote")
            if path.stat().st_size > most:
                raise InputError(f"{name} is larger than the {most:,} bytes that it can have", where=came)
            shutil.copyfile(path, aside / name)


def _wanted(manifest: JobManifest) -> dict[str, int]:
    method = TrainSettings.parse(manifest.settings, where=FILE).method
    base = sum(told.bytes for name, told in manifest.files.items() if name.startswith("work/models/base/"))
    most = base + 64 * 2**20 if base else MOST_HUB_WEIGHTS
    return {name: size or most for name, size in returned_files(method).items()}


def bring_home(unpacked: Path, manifest: JobManifest, came: Path, output: Path, say: Callable[[str], None]) -> Trained:
    """Check what came from a box against the package it was made of, and put the adapter in its place.

    Args:
        unpacked: the package, unpacked here; manifest: of it.
        came: what came back.
        output: where the adapter goes, whole or not at all.
        say: hears what training would say before it begins.

    Raises:
        InputError: where what came is not what training could have made of the package.
    """
    work = unpacked / "work"
    given = TrainSettings.parse(manifest.settings, where=unpacked)
    say(f"checking {WEIGHTS[given.method]} here: validation is scored again")
    if manifest.stage == "rl":
        ready = policy_run(work / "data", given, rewards=work / "rewards", parent=work / "parent", say=_nothing)
    else:
        drafts, parent = work / "drafts.jsonl", work / "parent"
        ready = imitation_run(
            work / "data",
            _here(given, work, manifest),
            drafts=drafts if drafts.is_file() else None,
            parent=parent if parent.is_dir() else None,
            say=_nothing,
        )
    # As they were given, but for what a parent decides.
    recorded = ready.run.settings if (work / "parent").is_dir() else given
    return take_returned(ready, came, output, recorded.model_dump(mode="json"))


def _here(given: TrainSettings, work: Path, manifest: JobManifest) -> TrainSettings:
    """The settings with base and template as the package has them, or as they were named where that is the same."""
    here: dict[str, str] = {}
    packed = next(work.glob("template.*"), None)
    if packed is not None:
        here["template"] = str(packed)
    if manifest.base is not None and not _is_base(given.model, manifest):
        here["model"] = str(work / "models" / "base" / manifest.base)
    return given.model_copy(update=here)


def _is_base(reference: str, manifest: JobManifest) -> bool:
    """Whether a reference leads to the very files of the package's base."""
    try:
        found = Path(find_base(reference))
    except InputError:
        return False
    below = f"work/models/base/{manifest.base}/"
    packed = {name.removeprefix(below): told for name, told in manifest.files.items() if name.startswith(below)}
    held = {path.name for path in found.glob("*.safetensors")} | {name for name in BASE if (found / name).is_file()}
    return held == set(packed) and all(sha256_file(found / name) == told.sha256 for name, told in packed.items())


def _nothing(line: str) -> None:
    """What was said before training began was said on the box."""
