"""Who becomes champion, by which verdict, and what is refused."""

import json
import shutil
import threading
from datetime import timedelta

import pytest
from promotions import NOW, facts_of, same_again, write_verdict

from rook_bench.core import InputError
from rook_bench.core.hashing import sealed
from rook_bench.promotion.change import promote, rollback
from rook_bench.promotion.record import Record, resolve_champion
from rook_bench.promotion.verify import verify
from rook_bench.sources.identity import identity_of


def refused(path, place, match, rejudge=same_again, **options):
    before = Record(place.models).entries()
    with pytest.raises(InputError, match=match) as caught:
        promote(path, place.models, rejudge=rejudge, now=options.pop("now", NOW), **options)
    assert "\n" not in str(caught.value)
    assert Record(place.models).entries() == before


def test_the_candidate_becomes_champion_and_lies_apart(place):
    path = place.judge(place.a)
    entry = promote(path.parent, place.models, rejudge=same_again, now=NOW, reason="first")
    identity = identity_of(place.a)
    assert entry["action"] == "promote"
    assert {key: entry[key] for key in identity} == identity
    assert entry["stored"] == f"promoted/{identity['adapter_hash'][:16]}"
    assert (entry["previous"], entry["replaces"], entry["at"]) == (None, None, "2026-03-01T12:00:00+00:00")
    assert (place.models / entry["verdict_file"]).read_bytes() == path.read_bytes()
    champion = resolve_champion(place.models)
    assert champion == f"lora:{place.models}/{entry['stored']}/adapter"
    shutil.rmtree(place.models / "adapters" / "a")  # retrained, or tidied away
    assert identity_of(champion) == identity
    assert (place.models / entry["stored"] / "adapter" / "logs" / "loss.csv").is_file()
    assert not (place.models / entry["stored"] / "adapter" / ".rook-bench").exists()
    assert verify(place.models) == []


def test_one_follows_another_and_may_go_back(place):
    first = place.promoted(place.a)
    second = place.promoted(place.b, resolve_champion(place.models))
    third = place.promoted(place.c, place.b)  # the champion named by where it came from
    assert [second["previous"], third["previous"]] == [0, 1]
    assert third["replaces"]["source"] == place.b
    again = rollback(place.models, "loses money", now=NOW)
    assert (again["action"], again["restores"], again["previous"]) == ("rollback", 1, 0)
    assert again["adapter_hash"] == second["adapter_hash"]
    assert resolve_champion(place.models).endswith(f"{second['stored']}/adapter")
    assert rollback(place.models, "too")["adapter_hash"] == first["adapter_hash"]
    with pytest.raises(InputError, match="no champion before"):
        rollback(place.models, "further")
    assert verify(place.models) == []
    fourth = place.promoted(place.c, place.a)
    assert fourth["previous"] == 0
    assert len(Record(place.models).entries()) == 6
    assert verify(place.models) == []


def test_a_verdict_serves_once(place):
    place.promoted(place.a)
    path = place.judge(place.b, place.a)
    promote(path, place.models, rejudge=same_again, now=NOW)
    refused(path, place, "champion already")
    rollback(place.models, "bad", now=NOW)
    refused(path, place, "served for entry 1")
    place.promoted(place.b, place.a)


def test_nothing_was_promoted(place):
    with pytest.raises(InputError, match="nothing was promoted yet"):
        resolve_champion(place.models)
    with pytest.raises(InputError, match="nothing was promoted yet"):
        rollback(place.models, "why")
    with pytest.raises(InputError, match="no such verdict"):
        promote(place.folder / "none.json", place.models, rejudge=same_again)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"verdict": "BLOCK", "exit_code": 1}, "BLOCK, not PROMOTE"),
        ({"verdict": "INCONCLUSIVE", "exit_code": 2, "reasons": ["too short"]}, "too short"),
        ({"schema_version": 1}, "version 1 is not 2"),
        ({"schema_version": 3}, "version 3 is not 2"),
        ({"code_hash": "0" * 64}, "other code"),
        ({"checks": [{"name": "same tape", "status": "invalid", "detail": ""}]}, "invalid"),
    ],
)
def test_verdicts_that_promote_nothing(place, changes, match):
    refused(place.judge(place.a, **changes), place, match)


def test_a_verdict_that_was_edited(place):
    path = place.judge(place.a, verdict="BLOCK", exit_code=1)
    path.write_text(path.read_text().replace("BLOCK", "PROMOTE"))
    refused(path, place, "does not match its own hash")
    path.write_text("{}")
    refused(path, place, "version None")
    path.write_text("[1")
    refused(path, place, "not a verdict")
    verdict = json.loads(place.judge(place.a).read_text())
    del verdict["waivers"]
    path.write_text(json.dumps(sealed(verdict)))
    refused(path, place, "lacks 'waivers'")


def test_an_adapter_that_changed_since(place):
    path = place.judge(place.a)
    (place.models / "adapters" / "a" / "adapter_model.safetensors").write_text("trained again, longer")
    refused(path, place, "the adapter of .* changed since it was judged")
    shutil.rmtree(place.models / "adapters" / "a")
    refused(path, place, "no such adapter folder")


@pytest.mark.parametrize(("key", "word"), [("base_hash", "base model"), ("prompt_hash", "prompt")])
def test_another_base_or_prompt(place, key, word):
    refused(place.judge(facts_of(place.a, **{key: "0" * 64})), place, f"the {word} of")


def test_waivers_hold_until_their_last_day(place):
    waiver = {"check": "fills", "reason": "new pool", "owner": "ann", "expires": "2026-03-01", "sha256": "0" * 64}
    path = place.judge(place.a, waivers=[waiver])
    refused(path, place, "waiver of 'fills' by ann expired on 2026-03-01", now=NOW + timedelta(days=1))
    refused(place.judge(place.a, waivers=[waiver | {"expires": "never"}]), place, "no date")
    refused(place.judge(place.a, waivers=[waiver | {"check": "look-ahead"}]), place, "can't be waived")
    assert promote(path, place.models, rejudge=same_again, now=NOW)["waivers"] == [waiver]


@pytest.mark.parametrize(
    ("section", "value", "match"),
    [
        ("verdict", "BLOCK", "'verdict' is \"BLOCK\" now"),
        ("checks", [{"name": "max_drawdown", "status": "fail"}], "check 'max_drawdown' is fail now and was pass"),
        ("checks", [], "'max_drawdown' is absent now"),
        ("candidate", {}, "'candidate'"),
        ("champion", {}, "'champion'"),
        ("policy", {}, "'policy'"),
        ("tape", {}, "'tape'"),
        ("trials", {"head": "", "looks": 9}, "'trials'"),
    ],
)
def test_judging_again_must_agree(place, section, value, match):
    refused(
        place.judge(place.a), place, f"gives another verdict: .*{match}",
        rejudge=lambda folder: sealed(same_again(folder) | {section: value}),
    )  # fmt: skip


def test_the_champion_must_be_the_one_judged_against(place):
    place.promoted(place.a)
    refused(place.judge(place.b), place, "given against no champion")
    refused(place.judge(place.b, place.c), place, "given against lora:models/adapters/c")
    refused(place.judge(place.b, "lora:models/adapters/a,mode=generate"), place, "given against")
    refused(place.judge(place.b, "rules:rules.json"), place, "given against rules")
    refused(place.judge(place.a, place.a), place, "champion already")
    entry = place.promoted(place.b, place.c, allow=["champion"])
    assert entry["other_champion"]
    assert verify(place.models) == []


def test_successions_go_by_one_policy_and_one_configuration(place):
    """A lax policy, or a configuration that silences the champion, needs a word that the record keeps."""
    lax = {"policy": {"hash": "1a" * 32, "name": "rook-promotion", "primary": {"margin_bps_per_day": 50}}}
    place.promoted(place.a, None)
    refused(place.judge(place.b, place.a, **lax), place, "is not the one of 'rook-promotion'.*--allow-other-policy")
    other = {"assumptions": {"clock": {"bucket_s": 900}, "seed": 0, "capital": {"quote_value": 10_000.0}}}
    refused(place.judge(place.b, place.a, **other), place, "configuration is not the one.*--allow-other-config")
    entry = promote(
        place.judge(place.b, place.a, **lax, **other),
        place.models,
        rejudge=same_again,
        now=NOW,
        allow=["policy", "config"],
    )
    assert entry["other"] == ["config", "policy"]
    # From here on it is that policy, and another seed is no other configuration.
    refused(place.judge(place.c, place.b, **other), place, "not the one of entry 1")
    seeded = {"assumptions": other["assumptions"] | {"seed": 7}}
    assert promote(place.judge(place.c, place.b, **lax, **seeded), place.models, rejudge=same_again, now=NOW)
    assert verify(place.models) == []


def test_a_champion_is_known_by_its_decisions_where_its_file_is_gone(place):
    facts = facts_of("rules:rules.json", source_hash=None)
    entry = place.promoted("rules:rules.json")
    (place.folder / "rules.json").unlink()
    refused(place.judge(place.a, facts | {"decisions_hash": "0" * 64}), place, "given against rules")
    refused(place.judge(place.a, facts | {"data_hash": "0" * 64}), place, "given against rules")
    assert place.promoted(place.a, facts)["replaces"]["seq"] == entry["seq"]


def test_an_adapter_is_not_known_by_its_decisions(place):
    """Others that decided the same on one tape are still others."""
    place.promoted(place.a)
    same = {key: facts_of(place.a)[key] for key in ("data_hash", "decisions_hash")}
    refused(place.judge(place.b, facts_of("rules:rules.json") | same), place, "given against rules")
    refused(place.judge(place.b, facts_of(place.c) | same), place, "given against lora")


def test_a_record_of_another_version(place):
    from rook_bench.core.hash_chain import line_of, seal

    (place.models / "promotions.jsonl").write_bytes(line_of(seal({"action": "promote"}, [])))
    with pytest.raises(InputError, match="entry 0 lacks 'source'"):
        resolve_champion(place.models)
    with pytest.raises(InputError, match="entry 0 lacks 'source'"):
        verify(place.models)


def test_a_full_disk_changes_nothing(place, monkeypatch):
    from rook_bench.promotion import record as module

    place.promoted(place.a)

    def full(path, content):
        raise OSError(28, "No space left on device")

    real = module.replace_file
    monkeypatch.setattr(module, "replace_file", full)
    refused(place.judge(place.b, place.a), place, "No space left")
    # Once the record is written the change is made, even where its witness can't be, twice in a row.
    for source, champion in ((place.b, place.a), (place.c, place.b)):
        calls = iter([real, real, full])
        monkeypatch.setattr(module, "replace_file", lambda path, content, calls=calls: next(calls)(path, content))
        place.promoted(source, champion)
        assert verify(place.models) == []
    monkeypatch.setattr(module, "replace_file", real)
    place.promoted(place.a, place.c)
    assert verify(place.models) == []


def test_a_witness_from_long_ago_is_found(place):
    place.promoted(place.a)
    witness = place.models / "promotions.head"
    before = witness.read_text()
    place.promoted(place.b, place.a)
    place.promoted(place.c, place.b)
    witness.write_text(before)
    (finding,) = verify(place.models)
    assert "does not end with the entry that promotions.head names" in finding


def test_the_copy_is_made_of_what_was_judged(place, monkeypatch):
    """An adapter that is trained again while it is copied is not promoted."""
    from rook_bench.promotion import store

    def retrain_then_copy(original, target, only=()):
        (original / "adapter_model.safetensors").write_text("trained again, longer")
        copy(original, target, only)

    copy = store._copy
    monkeypatch.setattr(store, "_copy", retrain_then_copy)
    refused(place.judge(place.a), place, "changed while it was copied")
    assert list((place.models / "promoted").iterdir()) == []


def test_a_promoted_adapter_is_stored_once(place):
    place.promoted(place.a)
    place.promoted(place.b, place.a)
    rollback(place.models, "bad", now=NOW)
    entry = place.promoted(place.b, place.a)
    verdicts = place.models / entry["folder"] / "verdicts"
    assert len(list(verdicts.iterdir())) == 2
    (place.models / entry["folder"] / "adapter" / "README.md").write_text("changed")
    rollback(place.models, "bad", now=NOW)
    refused(place.judge(place.b, place.a), place, "README.md: changed")


def test_a_rollback_needs_its_adapter(place):
    entry = place.promoted(place.a)
    place.promoted(place.b, place.a)
    weights = place.models / entry["folder"] / "adapter" / "adapter_model.safetensors"
    before = weights.read_text()
    weights.write_text("weights x")  # the same length
    with pytest.raises(InputError, match="not what was promoted: .*safetensors: changed"):
        rollback(place.models, "bad")
    weights.write_text(before)
    rollback(place.models, "bad")


def test_rules_are_stored_as_their_file(place):
    entry = place.promoted("rules:rules.json")
    assert (entry["payload"], entry["adapter_hash"]) == ("file.json", None)
    (place.folder / "rules.json").unlink()
    assert resolve_champion(place.models) == f"rules:{place.models}/{entry['stored']}/file.json"
    assert verify(place.models) == []
    place.promoted(place.a, resolve_champion(place.models))


def test_rules_that_changed_since(place):
    path = place.judge("rules:rules.json")
    rules = json.loads((place.folder / "rules.json").read_text())
    from rook_bench.dataset.rules import Rules

    name, value = next((name, value) for name, value in Rules().model_dump().items() if isinstance(value, float))
    (place.folder / "rules.json").write_text(json.dumps(rules | {name: value * 1.01}))
    refused(path, place, "rules:rules.json changed since it was judged")


def test_what_the_verdict_can_not_tell_is_read_from_its_run(place):
    facts = facts_of("rules:rules.json")
    content = facts.pop("source_hash")
    path = place.judge(facts)
    refused(path, place, "changed since it was judged")
    run = path.parent / "runs" / "candidate" / "run.json"
    run.parent.mkdir(parents=True)
    run.write_text(json.dumps({"source_hash": content, "specs": []}))
    promote(path, place.models, rejudge=same_again, now=NOW)


def test_a_source_without_a_file_is_only_recorded(place):
    entry = place.promoted("momentum:lookback=5")
    assert (entry["stored"], entry["payload"], entry["files"]) == (None, None, {})
    assert resolve_champion(place.models) == "momentum:lookback=5"
    assert verify(place.models) == []
    refused(place.judge(place.a, "momentum:lookback=6"), place, "given against")
    refused(place.judge("momentum:lookback=5", "momentum:lookback=5"), place, "champion already")
    place.promoted(place.a, "momentum:lookback=5")


def test_a_plugin_file_must_be_the_one_judged(place):
    plugin = place.folder / "mine.py"
    plugin.write_text(
        "from rook_bench.plugins import decision_source\n\n@decision_source\ndef mine(n: int = 1):\n    return None\n"
    )
    from rook_bench.core.hashing import sha256_file

    path = place.judge("mine.py@mine:n=2")
    run = path.parent / "runs" / "candidate" / "run.json"
    run.parent.mkdir(parents=True)
    run.write_text(json.dumps({"source_hash": "", "specs": [{"sha256": sha256_file(plugin)}]}))
    entry = promote(path, place.models, rejudge=same_again, now=NOW)
    assert entry["plugin_sha256"] == sha256_file(plugin)
    assert verify(place.models) == []
    plugin.write_text(plugin.read_text() + "# changed\n")
    assert verify(place.models) == ["mine.py@mine:n=2: changed since it was promoted"]
    refused(path, place, "changed since it was judged")


def test_options_of_a_source_stay(place):
    entry = place.promoted("lora:adapter=models/adapters/a,mode=generate")
    assert resolve_champion(place.models) == f"lora:{place.models}/{entry['stored']}/adapter,mode=generate"
    place.promoted(place.a, resolve_champion(place.models))  # asked another way it is another candidate


def test_two_promoters_at_once(place):
    """Both judged against the same champion: one wins, the other is told so."""
    place.promoted(place.a)
    paths = [place.judge(place.b, place.a), place.judge(place.c, place.a)]
    gate, results = threading.Barrier(2), []

    def wait_then_judge(folder):
        gate.wait(10)  # both passed the first look at the champion
        return same_again(folder)

    def run(path):
        try:
            results.append(promote(path, place.models, rejudge=wait_then_judge, now=NOW))
        except InputError as error:
            results.append(error)

    threads = [threading.Thread(target=run, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(type(result).__name__ for result in results) == ["InputError", "dict"]
    (error,) = (result for result in results if isinstance(result, InputError))
    assert "given against" in str(error)
    assert len(Record(place.models).entries()) == 2
    assert verify(place.models) == []


def test_a_verdict_may_lie_anywhere(place):
    path = write_verdict(place.folder / "ci" / "deep", place.a)
    moved = place.folder / "elsewhere.json"
    path.rename(moved)
    promote(moved, place.models, rejudge=lambda folder: json.loads(moved.read_text()), now=NOW)
