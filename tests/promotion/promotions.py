"""A working folder with adapters, rules and verdicts made by hand; judging again is a stub."""

import copy
import json
import os
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from rook_bench.core.hashing import sealed, sha256_code, sha256_file, sha256_json
from rook_bench.core.shipped import shipped
from rook_bench.gates import load_policy
from rook_bench.gates.verdict import policy_hash
from rook_bench.language.manifest import BaseRecord, Manifest
from rook_bench.language.template import load_template
from rook_bench.promotion.change import promote
from rook_bench.sources import Source
from rook_bench.sources.identity import fingerprint_of, identity_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def make_adapter(folder, text):
    """What train leaves behind, without weights that could be loaded."""
    folder.mkdir(parents=True)
    (folder / "adapter_model.safetensors").write_text(f"weights {text}")
    (folder / "adapter_config.json").write_text("{}")
    (folder / "README.md").write_text(f"card of {text}")
    (folder / ".rook-bench").write_text("written by rook-bench; safe to replace\n")
    (folder / "logs").mkdir()
    (folder / "logs" / "loss.csv").write_text("1,2\n")
    files = {name: sha256_file(folder / name) for name in ("adapter_model.safetensors", "adapter_config.json")}
    Manifest(
        kind="lora",
        template=load_template("codes"),
        base=BaseRecord(reference="rook-tiny", sha256="ba" * 32),
        answers={},
        class_weights={"BUY": 1.0, "HOLD": 1.0, "SELL": 1.0},
        temperature=1.0,
        files=files,
    ).save(folder)


def facts_of(reference, **changes):
    source = Source.parse(reference)
    return {
        "source": reference,
        "source_hash": source.content or None,
        "run_hash": sha256_json(["run", reference, source.content]),
        "data_hash": "da" * 32,
        "decisions_hash": sha256_json(["decisions", fingerprint_of(reference)]),
        "run": "runs/candidate",
        **identity_of(reference),
        **changes,
    }


SUCCESSIONS = policy_hash(load_policy(shipped("policy", "rook-promotion")))
"""The hash of the policy that comes with the tool, which the first succession goes by."""


def write_verdict(folder, candidate, champion=None, **changes):
    """A verdict that promotes, and whatever is to be different about it."""
    verdict = {
        "schema_version": 2,
        "verdict": "PROMOTE",
        "exit_code": 0,
        "reasons": ["all 1 checks passed"],
        "judged_at": f"2026-02-28T00:00:00+00:00 {folder}",
        "checks": [{"name": "max_drawdown", "status": "pass", "detail": "fine", "estimate": {"value": 0.1}}],
        "candidate": facts_of(candidate) if isinstance(candidate, str) else candidate,
        "champion": facts_of(champion) if isinstance(champion, str) else champion,
        "tape": {
            "data_hash": "da" * 32,
            "place": {"chain": "simulated", "address": "", "pair": "WETH/USDC"},
        },
        "policy": {"hash": SUCCESSIONS, "name": "default", "primary": {}},
        "assumptions": {"clock": {"bucket_s": 300}, "seed": 0, "capital": {"quote_value": 10_000.0}},
        "trials": {"head": "", "looks": 0},
        "waivers": [],
        "code_hash": sha256_code(),
        "rook_bench": "0",
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "verdict.json"
    path.write_text(json.dumps(sealed(verdict | changes), indent=2))
    return path


def same_again(folder, trials=None, **_):
    """Judging again that gives the same verdict at another time."""
    verdict = json.loads((folder / "verdict.json").read_text())
    return sealed(copy.deepcopy(verdict) | {"judged_at": "2026-03-01T00:00:00+00:00"})


def call_child(function):
    """Run `function` in a copy of this process; its exit code."""
    pid = os.fork()
    if not pid:
        try:
            function()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The working folder: adapters a, b and c, a rules file, and short ways to judge and promote them."""
    monkeypatch.chdir(tmp_path)
    for name in "abc":
        make_adapter(tmp_path / "models" / "adapters" / name, name)
    (tmp_path / "rules.json").write_text("{}")

    def judge(candidate, champion=None, **changes):
        number = len(list(tmp_path.glob("gate*")))
        return write_verdict(tmp_path / f"gate{number}", candidate, champion, **changes)

    def promoted(candidate, champion=None, **options):
        return promote(judge(candidate, champion), models, rejudge=same_again, now=NOW, **options)

    models = tmp_path / "models"
    return SimpleNamespace(
        folder=tmp_path, models=models, judge=judge, promoted=promoted,
        a="lora:models/adapters/a", b="lora:models/adapters/b", c="lora:models/adapters/c",
    )  # fmt: skip


@pytest.fixture
def keys(tmp_path):
    """Paths of a private and a public key, and of the public key of somebody else."""
    pytest.importorskip("model_signing", reason="the sign extra is not installed")
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import ec

    paths = []
    for name in ("ours", "theirs"):
        key = ec.generate_private_key(ec.SECP256R1())
        private = tmp_path / f"{name}.pem"
        private.write_bytes(key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()))
        public = tmp_path / f"{name}.pub"
        public.write_bytes(key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo))
        paths.append((private, public))
    return SimpleNamespace(private=paths[0][0], public=paths[0][1], other=paths[1][1])
