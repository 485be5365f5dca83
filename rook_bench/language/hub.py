"""A model of the hub, fetched at a pinned commit: weights, configuration and tokenizer, and nothing that is code."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from rook_bench.core import InputError
from rook_bench.core.console import on_terminal
from rook_bench.core.files import whole_folder
from rook_bench.core.untrusted import word
from rook_bench.language.base import split_revision
from rook_bench.language.place import adopted_folder
from rook_bench.language.runtime import load_torch

FETCHED = (".safetensors", ".json", ".txt", ".model", ".jinja")
"""Endings of files that are fetched: no code, and no pickle."""

SHORT = 12
"""Digits of the commit in a folder's name."""


@dataclass(frozen=True)
class Fetched:
    """What came of a name of the hub.

    Attributes:
        folder: where it lies now; commit: of which it is.
    """

    folder: Path
    commit: str


def fetch_model(reference: str, say: Callable[[str], None], *, needed: str | None = None) -> Fetched:
    """Fetch a model of the hub into the project's models/adopted, once for each commit.

    Args:
        reference: ORG/NAME, or ORG/NAME@REVISION (a branch, a tag or a commit; the default branch without).
        say: hears what is fetched, and how much that is.
        needed: a file that it must hold for anything to be fetched.

    Raises:
        InputError: for a name that the hub does not know or does not give, a model without safetensors, no network.
    """
    load_torch()
    from huggingface_hub import HfApi, snapshot_download

    name, revision = split_revision(reference)
    try:
        info = HfApi().model_info(name, revision=revision, files_metadata=True, timeout=30)
    except Exception as error:  # the hub's client has many kinds, and its transport others
        raise refused(reference, error) from None
    commit = str(info.sha)
    target = adopted_folder(f"{name}@{commit[:SHORT]}")
    if target.is_dir():
        return Fetched(target, commit)
    listed = {one.rfilename: one.size or 0 for one in info.siblings or []}
    if needed is not None and needed not in listed:
        what = f"it brings no {needed} that says its prompt"
        raise InputError(what, where=reference, hint="add --template NAME_OR_FILE")
    wanted = [file for file in listed if PurePosixPath(file).name == file and file.endswith(FETCHED)]
    if not any(file.endswith(".safetensors") for file in wanted):
        pickled = next((file for file in listed if file.endswith(".bin")), None)
        what = f"{pickled} is a pickle, which may run code when it is opened, and" if pickled else "of its files"
        hint = "convert it to safetensors where you trust it: see docs/how-to/adopt-a-model.md"
        raise InputError(f"{what} none is of safetensors", where=reference, hint=hint)
    say(f"fetching {len(wanted)} files, {sum(listed[file] for file in wanted) / 1e6:,.0f} MB, of {name} at {commit}")
    with whole_folder(target) as aside:
        try:
            with bars():
                snapshot_download(name, revision=commit, local_dir=aside, allow_patterns=wanted)
        except Exception as error:
            raise refused(reference, error) from None
        shutil.rmtree(aside / ".cache", ignore_errors=True)  # what the client remembers of its downloads
    return Fetched(target, commit)


@contextmanager
def bars() -> Iterator[None]:
    """The client's progress bars, on a terminal only."""
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    shown = not are_progress_bars_disabled()
    if shown and not on_terminal():
        disable_progress_bars()
    try:
        yield
    finally:
        if shown and not on_terminal():
            enable_progress_bars()


def refused(reference: str, error: Any, *, writing: bool = False) -> InputError:
    """What the hub's client raised, in one line.

    Args:
        reference: of the model.
        error: whatever it was.
        writing: whether something was to be written there.
    """
    from huggingface_hub import errors

    name = type(error).__name__
    if isinstance(error, errors.GatedRepoError):
        return InputError("the hub gives it to those only who accepted its terms", where=reference, hint="set HF_TOKEN")
    if isinstance(error, errors.RevisionNotFoundError):
        return InputError("the hub knows no such revision of it", where=reference, hint="name a branch, tag or commit")
    if isinstance(error, errors.RepositoryNotFoundError):
        hint = "check the name; set HF_TOKEN for one that is private"
        return InputError("the hub knows no such model", where=reference, hint=hint)
    if isinstance(error, errors.HFValidationError):
        return InputError("neither a folder nor a name of the hub (ORG/NAME)", where=reference)
    status = getattr(getattr(error, "response", None), "status_code", None)
    if writing and status in (401, 403):
        return InputError("the hub does not let us write there", where=reference, hint="set HF_TOKEN to one that may")
    if writing and status in (409, 412):
        return InputError("somebody else wrote there meanwhile", where=reference, hint="push again")
    text = word(str(error), 120)
    if writing:
        what = f"the hub did not take it ({name}: {text})"
        return InputError(what, where=reference, hint="nothing was changed there; check the network and push again")
    hint = "check the network, or give a folder that holds it"
    return InputError(f"the hub can't be reached, or does not give it ({name}: {text})", where=reference, hint=hint)
