"""Is every promoted source, its verdict, its signature and the record itself as it was written?"""

from __future__ import annotations

from pathlib import Path

from rook_bench.core import InputError, RookError
from rook_bench.core.hash_chain import Entry, parse
from rook_bench.gates.formats.verdict_file import IDENTITY, read_verdict
from rook_bench.plugins import trusting
from rook_bench.promotion.changed import changed_source, changed_verdict
from rook_bench.promotion.record import MODELS, Record, check_keys, present, witnessed
from rook_bench.promotion.store import PROMOTED, SIGNATURES, VERDICTS, changed_files, list_files
from rook_bench.trials import TrialLedger


def verify(models: Path = MODELS, trials: TrialLedger | None = None, public_key: Path | None = None) -> list[str]:
    """Findings, one line each; empty where everything is as it was written.

    Args:
        models: the models folder.
        trials: the trial ledger that the verdicts refer to, to be checked as well.
        public_key: of the key that signs; then the champion must carry its signature.

    What a promotion that was stopped before it was recorded left behind is no finding.
    """
    with trusting(strategies=False):  # a record may be anybody's: nothing that it names is run
        return _findings(models, trials, public_key)


def _findings(models: Path, trials: TrialLedger | None, public_key: Path | None) -> list[str]:
    record = Record(models)
    entries, findings = _record(record)
    folders: dict[str, list[Entry]] = {}
    for entry in entries:
        folders.setdefault(entry["folder"], []).append(entry)
        findings += [*_verdict(entry, models), *_signature(entry, models, public_key)]
    for folder, members in folders.items():
        changed = changed_files(members[-1], models)
        findings += [*changed, *_extras(models / folder, members)]
    for entry in present(entries):
        findings += _champion(entry, models, public_key)
    if trials is not None:
        findings += _trials(entries, trials)
    return list(dict.fromkeys(findings))


def _record(record: Record) -> tuple[list[Entry], list[str]]:
    try:
        content = record.path.read_bytes()
    except FileNotFoundError:
        content = b""
    except OSError as error:
        raise InputError(f"can't be read ({error.strerror})", where=record.path) from None
    entries, problems = parse(content)
    findings = [f"{record.path}: {problem}" for problem in problems]
    if findings:
        # What stands in a broken record is not believed; only what it shows of itself is told.
        return [], findings
    check_keys(entries, where=record.path)
    problem = witnessed(record, entries)
    return entries, [] if problem is None else [problem]


def _verdict(entry: Entry, models: Path) -> list[str]:
    found = changed_verdict(entry, models)
    if found:
        return found
    path = models / entry["verdict_file"]
    try:
        verdict = read_verdict(path)
    except InputError as error:
        return [str(error)]
    said = {**{key: verdict["candidate"][key] for key in IDENTITY}, "verdict_hash": verdict["hash"]}
    return [f"{path}: '{key}' is not what entry {entry['seq']} says" for key in said if said[key] != entry[key]]


def _signature(entry: Entry, models: Path, public_key: Path | None) -> list[str]:
    from rook_bench.core.hashing import sha256_file

    facts = entry["signature"]
    if facts is None:
        return []
    path = models / facts["file"]
    if not path.is_file():
        return [f"{path}: missing"]
    if sha256_file(path) != facts["sha256"]:
        return [f"{path}: changed"]
    if public_key is None:
        return []
    from rook_bench.promotion.signing import check_signature

    problem = check_signature(models / entry["folder"] / entry["payload"], path, public_key)
    return [] if problem is None else [f"{path}: the signature does not hold ({problem})"]


def _extras(folder: Path, members: list[Entry]) -> list[str]:
    """Files in a stored folder that no entry knows and no stopped promotion can have left.

    A whole verdict under its own name is such a remainder, and so is a signature of its name.
    """
    if not folder.is_dir():
        return []
    under = f"{PROMOTED}/{folder.name}/"
    known = {name for entry in members for name in entry["files"]}
    known |= {entry["verdict_file"].removeprefix(under) for entry in members}
    known |= {entry["signature"]["file"].removeprefix(under) for entry in members if entry["signature"]}
    known |= {f"{part}/{path.name}" for path in folder.glob(f"{VERDICTS}/*.json") if _left_over(path)
              for part in (VERDICTS, SIGNATURES)}  # fmt: skip
    extras = [name for name in list_files(folder) if name not in known]
    payload = members[-1]["payload"]
    # Files of the payload that do not belong are named with the other changes to it.
    return [f"{folder / name}: does not belong there" for name in extras if name.split("/")[0] != payload]


def _left_over(path: Path) -> bool:
    try:
        return str(read_verdict(path)["hash"])[:16] == path.stem
    except InputError:
        return False


def _champion(entry: Entry, models: Path, public_key: Path | None) -> list[str]:
    findings = changed_source(entry, models) if not changed_files(entry, models) else []
    if public_key is not None and entry["signature"] is None:
        findings.append(f"{models / entry['folder']}: the champion is not signed")
    return findings


def _trials(entries: list[Entry], trials: TrialLedger) -> list[str]:
    findings = trials.verify()
    if any(problem.kind == "broken" for problem in trials.chain.verify()):
        return findings  # in a broken chain nothing can be looked up
    heads = {entry["trials_head"]: entry["seq"] for entry in entries if entry["trials_head"]}
    for head, seq in heads.items():
        try:
            trials.chain.upto(head)
        except RookError:
            findings.append(f"{trials.chain.path}: lacks the trials that the verdict of entry {seq} counted")
    return findings
