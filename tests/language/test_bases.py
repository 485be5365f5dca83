"""Base models: found, loaded, or refused in one line; and the one that ships."""

import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
import time

import pytest

from rook_bench.core import InputError
from rook_bench.core.hashing import sha256_file
from rook_bench.language.base import check_base, find_base, load_base, weights_hash
from rook_bench.language.template import load_template, shipped_templates

torch = pytest.importorskip("torch", reason="the train extra is not installed")


def refusal(reference):
    with pytest.raises(InputError) as caught:
        load_base(str(reference))
    line = str(caught.value)
    assert line.startswith(f"{reference}: ") or str(reference) in line.partition(":")[0], line
    assert "\n" not in line
    return line


def test_a_hub_that_does_not_answer_is_given_up_at_once(monkeypatch):
    monkeypatch.setattr("rook_bench.language.base._answers", lambda address: False)
    line = refusal("microsoft/DialoGPT-medium")
    assert "the model hub can't be reached from here" in line
    assert "--model rook-tiny" in line


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """Point the hub's client to another address, with an empty cache and no proxy."""
    from huggingface_hub import constants

    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    return lambda address: monkeypatch.setattr(constants, "ENDPOINT", address)


def unreachable(line):
    return "the model hub can't be reached from here" in line and "--model rook-tiny" in line


def test_a_hub_that_can_not_be_reached_is_soon_given_up(hub):
    hub("http://127.0.0.1:9")  # nothing listens there
    started = time.monotonic()
    assert unreachable(refusal("microsoft/DialoGPT-medium"))
    assert time.monotonic() - started < 10


def test_offline_mode(hub, monkeypatch):
    from huggingface_hub import constants

    hub("http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert unreachable(refusal("microsoft/DialoGPT-medium"))


def test_a_name_the_hub_does_not_know(hub, monkeypatch):
    import transformers

    def fail(*arguments, **named):
        raise OSError("nobody/nothing is not a valid model identifier\nlisted on 'https://huggingface.co/models'")

    monkeypatch.setattr("rook_bench.language.base._answers", lambda address: True)
    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", fail)
    line = refusal("nobody/nothing")
    assert "the hub does not give this model (nobody/nothing is not a valid model identifier listed on" in line
    assert not unreachable(line)
    assert "rook-tiny" in line


@pytest.fixture
def server():
    """A hub that has no model; its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response(404)
            self.end_headers()

        def log_message(self, *arguments):
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()


def test_a_hub_that_refuses_has_answered(hub, server):
    hub(server)
    assert check_base("nobody/nothing") is False


def test_offline_for_real(tmp_path):
    """What transformers really raises without a network, through the command line."""
    code = (
        "from rook_bench.language.base import load_base\n"
        "from rook_bench.core import InputError\n"
        "try:\n    load_base('microsoft/DialoGPT-medium')\n"
        "except InputError as error:\n    print(error)\n"
    )
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    lines = done.stdout.strip().splitlines()
    assert len(lines) == 1, done.stdout + done.stderr
    assert "the model hub can't be reached from here" in lines[0]
    assert "rook-tiny" in lines[0]
    assert done.stderr == ""


@pytest.mark.parametrize("reference", ["/nowhere/model", "./model", "models/base/rook-tinny", "a/b/c", "../x"])
def test_a_path_that_does_not_exist_is_not_looked_for_on_the_hub(reference, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = refusal(reference)
    assert "no such model folder" in line


def test_a_folder_in_the_working_directory_comes_first(tmp_path, monkeypatch, mini_base):
    monkeypatch.chdir(tmp_path)
    assert find_base("rook-tiny").endswith("models/base/rook-tiny")
    assert find_base("microsoft/DialoGPT-medium") == "microsoft/DialoGPT-medium"
    own = tmp_path / "models" / "base" / "rook-tiny"
    shutil.copytree(mini_base, own)
    assert find_base("rook-tiny") == str(own)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda folder: (folder / "config.json").unlink(), "no config.json in the model folder"),
        (lambda folder: (folder / "config.json").write_text("{"), "not valid JSON"),
        (lambda folder: (folder / "config.json").write_text('{"model_type": "abacus"}'), "transformers knows no architecture 'abacus'"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "the model's tokenizer is missing"),
        (lambda folder: (folder / "tokenizer.json").write_text("{}"), "can't be loaded"),
        (lambda folder: (folder / "model.safetensors").unlink(), "can't be loaded"),
        (lambda folder: os.truncate(folder / "model.safetensors", 1000), "can't be loaded"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b""), "can't be loaded"),
    ],
)  # fmt: skip
def test_a_damaged_folder(mini_base, tmp_path, harm, words):
    folder = tmp_path / "base"
    shutil.copytree(mini_base, folder)
    harm(folder)
    line = refusal(folder)
    assert words in line


def test_identity_is_of_the_weights_wherever_and_however_they_lie(mini_base, random_bases, tmp_path):
    from transformers import AutoModelForCausalLM

    first = load_base(str(mini_base))
    shutil.copytree(mini_base, tmp_path / "moved")
    assert load_base(str(tmp_path / "moved")).sha256 == first.sha256
    model = AutoModelForCausalLM.from_pretrained(mini_base)
    assert weights_hash(model) == first.sha256
    with torch.no_grad():
        model.transformer.h[1].mlp.c_fc.bias[0] += 1e-7
    assert weights_hash(model) != first.sha256


def test_importing_sources_imports_no_language_model():
    code = (
        "import sys, rook_bench.sources, rook_bench.sources.lora, rook_bench.training;"
        "print(sorted({'torch', 'transformers', 'peft', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# The base that ships.


@pytest.fixture(scope="module")
def rook_tiny(root):
    return root / "models" / "base" / "rook-tiny"


def test_rook_tiny_loads_and_is_small(rook_tiny):
    base = load_base("rook-tiny")
    assert 1_000_000 < base.parameters < 3_000_000
    assert str(base.parameters) in (rook_tiny / "training.json").read_text()
    assert base.tokenizer.eos_token_id is not None
    assert sum(path.stat().st_size for path in rook_tiny.iterdir()) < 5_000_000
    assert not base.model.training


def test_rook_tiny_is_the_file_its_card_names(rook_tiny):
    assert f"`{sha256_file(rook_tiny / 'model.safetensors')}`" in (rook_tiny / "README.md").read_text()


def test_rook_tiny_was_trained_on_the_templates_that_ship(rook_tiny):
    """Whoever changes a template has to train the base again, or to give the template another name."""
    recorded = json.loads((rook_tiny / "training.json").read_text())["templates"]
    assert recorded.items() <= {name: load_template(name).sha256 for name in shipped_templates()}.items()


def test_rook_tiny_knows_the_shape_of_an_answer(rook_tiny, tape):
    """Its own first words after a prompt are sides: far above chance among 2,048 words."""
    from rook_bench.core import Side
    from rook_bench.language.tokens import Encoder
    from rook_bench.market.view import MarketView

    base = load_base("rook-tiny")
    for name in ("codes", "numbers"):
        template = load_template(name)
        encoder = Encoder(base.tokenizer, template)
        sides = [encoder.side(side) for side in Side]
        assert {len(word) for word in sides} == {1}
        shares = []
        for text in template.render(MarketView.whole(tape[:300])).texts[100:110]:
            with torch.no_grad():
                logits = base.model(input_ids=torch.tensor(encoder.prompts([text]))).logits[0, -1]
            shares.append(float(torch.softmax(logits, 0)[[word[0] for word in sides]].sum()))
        assert min(shares) > 0.95
