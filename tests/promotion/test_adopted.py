"""Models that were not trained here, promoted."""

import shutil

import pytest
from promotions import NOW, same_again

import rook_bench as rook
from rook_bench.core.hashing import sha256_file
from rook_bench.language.manifest import read_manifest
from rook_bench.promotion.change import promote
from rook_bench.promotion.record import resolve_champion
from rook_bench.promotion.verify import verify
from rook_bench.sources.identity import identity_of

pytest.importorskip("torch", reason="the train extra is not installed")


def test_it_is_promoted_as_it_was_judged(foreign, place, tmp_path, fresh_models, short_tape):
    """The stored copy decides the same under the same hash, whatever becomes of the folder and its record."""
    folder = foreign(folder=tmp_path / "adapter")
    (folder / "checkpoint-9").mkdir()
    (folder / "checkpoint-9" / "optimizer.pt").write_bytes(b"large")
    done = rook.adopt(folder, "codes", record=tmp_path / "mine.rook.json")
    before, identity = rook.Source.parse(done.reference).ask(short_tape), identity_of(done.reference)
    entry = promote(place.judge(done.reference), place.models, rejudge=same_again, now=NOW)
    champion = resolve_champion(place.models)
    assert identity_of(champion) == identity
    shutil.rmtree(folder)
    done.record.unlink()
    assert rook.Source.parse(champion).ask(short_tape).content_hash == before.content_hash
    stored = place.models / entry["stored"] / "adapter"
    assert {path.name for path in stored.iterdir()} == {"adapter_config.json", "adapter_model.safetensors", "rook.json"}
    assert verify(place.models) == []
    assert sha256_file(stored / "adapter_model.safetensors") == read_manifest(stored).files["adapter_model.safetensors"]
