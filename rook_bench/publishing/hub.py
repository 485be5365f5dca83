"""A model sent to a hub in one commit: its files, its record, its card, and the verdict of a gate."""

from __future__ import annotations

import importlib.util
import io
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from rook_bench.core import ConfigError, InputError
from rook_bench.core.untrusted import word
from rook_bench.gates.formats.verdict_file import read_verdict
from rook_bench.language.hub import bars, refused
from rook_bench.language.manifest import LOADED, NEVER_READ, Manifest, adapter_hash, check_files, read_manifest
from rook_bench.language.place import FILE, Place, place_of
from rook_bench.publishing.card import hub_card

CARD = "README.md"
GATE = "gate"
"""The folder of the repository that holds the verdict and its report."""

_OF_GATE = ("verdict.json", "report.html")

_ABSOLUTE = re.compile(r"(?<![\w/.<])/(?:[\w.@+-]+/)+[\w.@+-]+")

_TEXTS = (".json", ".jsonl", ".md", ".txt", ".html")


@dataclass(frozen=True)
class Pushed:
    """What came of a push.

    Attributes:
        repo: ORG/NAME; commit: that holds it now; address: its page; verdict: what the card says of it, if anything.
        pull_request: the page of the pull request, where one was asked for.
    """

    repo: str
    commit: str
    address: str
    verdict: str | None
    pull_request: str | None


def require_hub_extra() -> None:
    """InputError in one line where the hub's client is not installed."""
    if importlib.util.find_spec("huggingface_hub") is None:
        what = "sharing needs huggingface_hub, not installed here"
        raise InputError(what, hint="pip install 'rook-bench[hub]'")


def push(
    model: Path,
    repo: str,
    *,
    gate: Path | None = None,
    private: bool = False,
    revision: str | None = None,
    pull_request: bool = False,
    license: str | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Pushed:
    """Send a model to a hub, as one commit: all of it is there afterwards, or nothing is.

    Args:
        model: its folder or its record.
        repo: ORG/NAME; made where it isn't there.
        gate: verdict.json of a gate that judged this very model, or the gate's folder.
        private: whether a repository that is made is private.
        revision: the branch; the default one otherwise.
        pull_request: propose it, rather than commit.
        license: as the hub names licences.
        say: hears what is sent.

    Raises:
        InputError, ConfigError: for a model that is not as its record says, a verdict about another one, a repository
            that holds another's model, and whatever the hub refuses.
    """
    require_hub_extra()
    _check_name(repo)
    place, manifest = place_of(model), read_manifest(model)
    check_files(model, manifest)
    verdict = _verdict_on(model, gate)
    sent = _files(place, manifest) | ({} if gate is None else _of_gate(gate))
    readme = place.folder / CARD
    text = readme.read_text(encoding="utf-8", errors="replace") if readme.is_file() else None
    sent[CARD] = hub_card(manifest, text, repo, verdict=verdict, license=license).encode()
    for line in _tells(sent):
        say(line)
    from huggingface_hub import HfApi

    api = HfApi()
    with _asked(repo):
        head = _open(api, repo, private=private, revision=revision)
    if private and head.private is False:
        what = "it is there already, and public: nothing was sent"
        raise InputError(what, where=repo, hint="make it private on the hub, or push to a name of its own")
    operations = _operations(sent, head, repo)
    size = sum(len(content) if isinstance(content, bytes) else content.stat().st_size for content in sent.values())
    say(f"sending {len(sent)} files, {size / 1e6:,.1f} MB, to {repo}")
    message = f"{manifest.kind} {adapter_hash(model)[:16]}" + (f", {verdict['verdict']}" if verdict else "")
    with _asked(repo), bars():
        done = api.create_commit(
            repo,
            operations,
            commit_message=message,
            revision=revision,
            create_pr=pull_request,
            parent_commit=str(head.sha) if head.sha else None,
        )
    address = f"{api.endpoint}/{repo}"
    return Pushed(repo, str(done.oid), address, verdict["verdict"] if verdict else None, done.pr_url)


@contextmanager
def _asked(repo: str) -> Iterator[None]:
    """Whatever the hub's client raises (its own many kinds, and its transport's) in one line."""
    try:
        yield
    except Exception as error:
        raise refused(repo, error, writing=True) from None


def _check_name(repo: str) -> None:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        if repo.count("/") != 1 or not all(repo.split("/")):
            raise HFValidationError("it has an owner and a name")
        validate_repo_id(repo)
    except HFValidationError as error:
        what = f"'{word(repo, 60)}' is no name of the hub ({word(str(error).rstrip('.'), 120)})"
        raise ConfigError(what, where="push", hint="write ORG/NAME") from None


def _verdict_on(model: Path, gate: Path | None) -> Mapping[str, Any] | None:
    """The verdict of a gate, which must be about this very model."""
    if gate is None:
        return None
    verdict = read_verdict(gate)
    judged, own = verdict["candidate"]["adapter_hash"], adapter_hash(model)
    if judged != own:
        what = (
            f"the verdict is about {verdict['candidate']['source']} ({str(judged)[:16]}), not this model ({own[:16]})"
        )
        raise InputError(what, where=gate, hint="judge this one with rook-bench gate, or leave the verdict out")
    return verdict


def _files(place: Place, manifest: Manifest) -> dict[str, Path | bytes]:
    """What is sent of a model, by its path there: what the record names, the record, and what a reader wants."""
    found: dict[str, Path | bytes] = {name: place.folder / name for name in manifest.files}
    for name in ("training.png", "metrics.jsonl"):
        if (place.folder / name).is_file():
            found[name] = place.folder / name
    # In the folder, wherever it lay here: there, a name is all that leads to it.
    found[FILE] = manifest.model_copy(update={"folder": None}).text.encode()
    return found


def _of_gate(gate: Path) -> dict[str, Path | bytes]:
    folder = gate if gate.is_dir() else gate.parent
    found: dict[str, Path | bytes] = {f"{GATE}/{name}": folder / name for name in _OF_GATE if (folder / name).is_file()}
    if not gate.is_dir():  # a promoted one's copy has a name of its own
        found[f"{GATE}/verdict.json"] = gate
    return found


def _tells(sent: Mapping[str, Path | bytes]) -> list[str]:
    """Names of folders of this machine, in what is about to be public."""
    found: dict[str, str] = {}
    for name, content in sent.items():
        if PurePosixPath(name).suffix not in _TEXTS or name == "tokenizer.json":
            continue
        text = content.decode() if isinstance(content, bytes) else content.read_text(encoding="utf-8", errors="replace")
        path = next((path for path in _ABSOLUTE.findall(text) if Path(f"/{path.split('/')[1]}").is_dir()), None)
        if path is not None:
            found[name] = path
    if not found:
        return []
    names, first = ", ".join(found), word(next(iter(found.values())), 80)
    return [f"note: folders of this machine are named in {names}, and go out with them: {first}"]


def _open(api: Any, repo: str, *, private: bool, revision: str | None) -> Any:
    """The repository as it is, made where it isn't there; so too its branch."""
    from huggingface_hub.errors import RevisionNotFoundError

    api.create_repo(repo, private=private or None, exist_ok=True)
    try:
        return api.model_info(repo, revision=revision, timeout=30)
    except RevisionNotFoundError:
        if revision is None:
            raise
        api.create_branch(repo, branch=revision)
        return api.model_info(repo, revision=revision, timeout=30)


def _operations(sent: Mapping[str, Path | bytes], head: Any, repo: str) -> list[Any]:
    """What the commit does: what is sent is added, and what loading would read beside it is taken away."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    there = [str(one.rfilename) for one in head.siblings or []]
    left = [
        name
        for name in there
        if name not in sent and "/" not in name and PurePosixPath(name).suffix in LOADED and name not in NEVER_READ
    ]
    if left and FILE not in there:
        what = f"it holds another model, which is not of ours ({left[0]})"
        raise InputError(what, where=repo, hint="push to a name of its own, or to another branch (--revision)")
    stale = [name for name in there if name.startswith(f"{GATE}/") and name not in sent]  # of what was judged before
    added = [
        CommitOperationAdd(name, io.BytesIO(content) if isinstance(content, bytes) else str(content))
        for name, content in sorted(sent.items())
    ]
    return added + [CommitOperationDelete(name) for name in (*left, *stale)]
