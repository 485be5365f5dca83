"""A model on the hub: one commit, with a card that the hub's own classes read, and what is fetched decides the same."""

import json
import shutil
from pathlib import Path

import pytest
from quickly import quickly

import rook_bench as rook
from rook_bench.core import ConfigError, InputError
from rook_bench.core.hashing import sealed
from rook_bench.language.manifest import adapter_hash

pytest.importorskip("torch", reason="the train extra is not installed")
hub_cards = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")


@pytest.fixture
def mine(mini_adapter, project):
    """An adapter of ours, its own copy."""
    shutil.copytree(mini_adapter, project / "mine")
    return project / "mine"


@pytest.fixture
def writable(hub, monkeypatch):
    """The hub, and a key that may write there."""
    hub.key = "hf_of_the_test"
    monkeypatch.setenv("HF_TOKEN", hub.key)
    return hub


@pytest.fixture(scope="module")
def gate(mini_adapter, tape, lax, tmp_path_factory):
    """A gate's folder that judged a copy of the adapter: a fresh process loads a model twice for it."""
    folder = tmp_path_factory.mktemp("judged")
    shutil.copytree(mini_adapter, folder / "mine")
    with quickly():
        judged = rook.judge(lax, f"lora:{folder / 'mine'}", "random:0.1", tape=tape[:300], trials=folder / "trials")
        return judged.save(folder / "gate").folder


@pytest.fixture
def judged(gate, project):
    """A gate's folder that judged what `mine` is a copy of, the test's own."""
    return Path(shutil.copytree(gate, project / "gate"))


def card(hub, name):
    return hub_cards.ModelCard(hub.models[name][1]["README.md"].decode())


def test_what_is_pushed_is_fetched_and_decides_the_same(writable, mine, short_tape, fresh_models, command_line):
    before = rook.Source.parse(f"lora:{mine}").ask(short_tape).content_hash
    code, out, err = command_line("push", mine, "her/trader", "--license", "mit")
    assert (code, "pushed: " in out) == (0, True), err
    commit, files = writable.models["her/trader"]
    assert f"rook-bench adopt her/trader@{commit[:12]}" in out
    assert sum(("commit" in path) for _, path in writable.asked) == 1
    assert "gate/verdict.json" not in files
    shown = card(writable, "her/trader")
    assert (shown.data.license, shown.data.library_name, shown.data.pipeline_tag) == ("mit", "peft", "text-generation")
    assert "rook-bench" in shown.data.tags
    assert "imitate" in shown.text  # its own card, with what it reached on validation
    own = hub_cards.ModelCard.load(mine / "README.md").data.eval_results
    assert own
    assert shown.data.eval_results == own
    code, out, err = command_line("adopt", "her/trader")
    assert code == 0, err
    assert "the word of whoever pushed it" in err
    assert adapter_hash("her/trader") == adapter_hash(mine)
    assert rook.Source.parse("lora:her/trader").ask(short_tape).content_hash == before


def test_the_card_says_what_the_gate_said(writable, mine, judged):
    done = rook.push(mine, "her/judged", verdict=judged)
    verdict = json.loads((judged / "verdict.json").read_text())
    assert done.verdict == verdict["verdict"]
    shown = card(writable, "her/judged")
    results = {result.metric_name: result for result in shown.data.eval_results}
    for check in verdict["checks"]:
        if (check["estimate"] or {}).get("value") is not None:
            found = next(result for name, result in results.items() if name.startswith(check["name"]))
            assert found.metric_value == check["estimate"]["value"]
            assert found.dataset_revision == verdict["tape"]["data_hash"]
            assert not found.verified
    assert all(reason in shown.text for reason in verdict["reasons"])
    assert verdict["hash"] in shown.text
    assert json.loads(writable.models["her/judged"][1]["gate/verdict.json"]) == verdict


def test_a_verdict_about_another_model_is_refused(writable, mine, judged, mini_adapter_words):
    with pytest.raises(InputError, match="not this model"):
        rook.push(mini_adapter_words, "her/other", verdict=judged)
    told = json.loads((judged / "verdict.json").read_text())
    other = "BLOCK" if told["verdict"] == "PROMOTE" else "PROMOTE"
    (judged / "verdict.json").write_text(json.dumps(told | {"verdict": other}))
    with pytest.raises(InputError, match="was changed"):
        rook.push(mine, "her/other", verdict=judged)
    (judged / "verdict.json").write_text(json.dumps(sealed(told | {"candidate": told["champion"]})))
    with pytest.raises(InputError, match="not this model"):
        rook.push(mine, "her/other", verdict=judged)
    assert "her/other" not in writable.models


def test_a_model_that_was_changed_is_refused(writable, mine):
    (mine / "adapter_model.safetensors").write_bytes(b"other")
    with pytest.raises(InputError, match="not the file that training wrote"):
        rook.push(mine, "her/changed")
    assert "her/changed" not in writable.models


def test_a_second_push_takes_the_place_of_the_first(writable, mine, judged, mini_adapter_words):
    rook.push(mine, "her/twice", verdict=judged)
    first = writable.models["her/twice"]
    rook.push(mini_adapter_words, "her/twice")
    commit, files = writable.models["her/twice"]
    assert commit != first[0]
    assert "gate/verdict.json" not in files  # it was about the other
    assert "verdict" not in card(writable, "her/twice").text.lower().partition("## ask")[0].split("## gate")[-1]
    done = rook.adopt("her/twice")
    assert adapter_hash(done.folder) == adapter_hash(mini_adapter_words)
    assert rook.push(mini_adapter_words, "her/twice").commit == commit  # nothing to change


def test_a_model_that_is_not_ours_is_not_overwritten(writable, mine, mini_base):
    writable.put("her/base", mini_base)
    before = writable.models["her/base"]
    with pytest.raises(InputError, match="holds another model"):
        rook.push(mine, "her/base")
    assert writable.models["her/base"] == before
    rook.push(mine, "her/free", revision="trial")
    assert "rook.json" in writable.branches["her/free", "trial"][1]
    assert "rook.json" not in writable.models["her/free"][1]


def test_what_is_public_is_not_taken_for_private(writable, mine):
    rook.push(mine, "her/open")
    before = writable.models["her/open"]
    (mine / "README.md").write_text("# Secret\n")
    with pytest.raises(InputError, match="there already, and public"):
        rook.push(mine, "her/open", private=True)
    assert writable.models["her/open"] == before


def test_folders_of_this_machine_are_told_wherever_they_stand(writable, mine, judged):
    heard = []
    rook.push(mine, "her/told", verdict=judged, say=heard.append)
    (line,) = [line for line in heard if line.startswith("note:")]
    for name in ("gate/verdict.json", "rook.json", "README.md"):
        assert name in line


def test_a_pull_request_leaves_the_branch_as_it_is(writable, mine):
    done = rook.push(mine, "her/proposed", pull_request=True, private=True)
    assert done.pull_request.endswith("/her/proposed/discussions/1")
    assert "rook.json" not in writable.models["her/proposed"][1]
    assert "her/proposed" in writable.private


def test_an_adopted_model_is_pushed_with_its_record_and_is_the_same(writable, foreign, project, fresh_models):
    rook.adopt(foreign(folder=project / "theirs"), "codes", record=project / "record.rook.json")
    heard = []
    rook.push(project / "record.rook.json", "her/adopted", say=heard.append)
    assert any("folders of this machine" in line for line in heard)  # where its base lies
    done = rook.adopt("her/adopted")
    assert adapter_hash(done.folder) == adapter_hash(project / "record.rook.json")


def test_the_champion_brings_its_verdict(writable, mine, project, lax, tape):
    from rook_bench.promotion.change import promote

    policy = rook.Policy.parse({}, where="test")
    judgement = rook.judge(lax, f"lora:{mine}", tape=tape[:300]).save(project / "first")
    told = json.loads((project / "first" / "verdict.json").read_text())
    promoting = sealed(told | {"verdict": "PROMOTE", "exit_code": 0})
    (project / "first" / "verdict.json").write_text(json.dumps(promoting))
    promote(project / "first", project / "models", rejudge=lambda folder: promoting)
    shutil.rmtree(mine)
    done = rook.push("champion", "her/champion")
    assert (done.verdict, judgement.folder, policy.name) == ("PROMOTE", project / "first", policy.name)
    files = writable.models["her/champion"][1]
    assert json.loads(files["gate/verdict.json"])["hash"] == promoting["hash"]
    with pytest.raises(ConfigError, match="brings its own verdict"):
        rook.push("champion", "her/champion", verdict=project / "first")


def test_what_goes_wrong_is_one_line_and_changes_nothing(writable, mine, command_line, monkeypatch):
    rook.push(mine, "her/trader")
    before = writable.models["her/trader"]
    (mine / "README.md").write_text("# Another card\n")
    writable.broken = True
    code, out, err = command_line("push", mine, "her/trader")
    assert (code, out) == (3, "")
    assert "did not take it" in err.splitlines()[-1]
    writable.broken = False

    def somebody_else():
        writable.models["her/trader"] = ("ab" * 20, before[1])

    writable.meanwhile = somebody_else
    code, _, err = command_line("push", mine, "her/trader")
    assert (code, err.splitlines()[-1]) == (
        3, "rook-bench: her/trader: somebody else wrote there meanwhile; push again",
    )  # fmt: skip
    writable.meanwhile = lambda: None
    monkeypatch.setenv("HF_TOKEN", "hf_of_another")
    code, _, err = command_line("push", mine, "her/trader")
    assert (code, "does not let us write there; set HF_TOKEN" in err) == (3, True)
    assert "hf_of_another" not in err
    for name in ("trader", "a/b/c", "/x", "her/tra der", "her/-x"):
        code, _, err = command_line("push", mine, name)
        assert (code, "is no name of the hub" in err, len(err.splitlines())) == (3, True, 1)


def test_without_a_record_a_template_is_asked_for(hub, project, mini_base, command_line):
    hub.put("somebody/base", mini_base)
    code, _, err = command_line("adopt", "somebody/base")
    assert (code, "--template" in err.splitlines()[-1]) == (3, True)
    assert not any("resolve" in path for _, path in hub.asked)  # nothing was fetched for that


def test_a_strangers_card_keeps_its_text(writable, foreign, project):
    folder = foreign(folder=project / "theirs")
    (folder / "README.md").write_text("---\nlicense: [broken\n---\n# Theirs\n\nA word of theirs.\n")
    rook.adopt(folder, "codes")
    rook.push(folder, "her/theirs")
    assert "A word of theirs." in card(writable, "her/theirs").text


def test_a_folder_is_not_taken_for_somebodys_base(mini_adapter, tmp_path, monkeypatch):
    from rook_bench.language.manifest import read_manifest
    from rook_bench.publishing.card import hub_card

    manifest = read_manifest(mini_adapter)
    told = manifest.model_copy(update={"base": manifest.base.model_copy(update={"reference": "bases/tiny"})})
    monkeypatch.chdir(tmp_path)
    assert hub_cards.ModelCard(hub_card(told, None, "her/trader")).data.base_model == "bases/tiny"
    (tmp_path / "bases" / "tiny").mkdir(parents=True)
    assert hub_cards.ModelCard(hub_card(told, None, "her/trader")).data.base_model is None
    several = "---\nbase_model:\n- a/one\n- b/two\n---\nText.\n"
    assert hub_cards.ModelCard(hub_card(told, several, "her/trader")).data.base_model == ["a/one", "b/two"]


def test_without_the_extra_one_line_says_so(mine, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"rook-bench\[hub\]"):
        rook.push(mine, "her/trader")
