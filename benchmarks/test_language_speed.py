"""What our way of training and asking costs against the seed's, at the shape of DialoGPT-medium.

    python -m pytest benchmarks/test_language_speed.py -s

Random weights (24 layers, 1024 wide), the same prompts, one process; takes about fifteen minutes
on two cores and 6 GB of memory. Prints a table; asserts ratios and shares only, never seconds.
"""

import importlib.util
import time
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")

from rook_bench.core import Side  # noqa: E402
from rook_bench.dataset.prepare import prepare  # noqa: E402
from rook_bench.dataset.rules import Rules  # noqa: E402
from rook_bench.language import scoring  # noqa: E402
from rook_bench.language.adapter import load_adapter  # noqa: E402
from rook_bench.language.decider import compare  # noqa: E402
from rook_bench.language.engines import ENGINES  # noqa: E402
from rook_bench.language.runtime import fast_bf16  # noqa: E402
from rook_bench.language.scoring import Scorer  # noqa: E402
from rook_bench.language.template import load_template  # noqa: E402
from rook_bench.market.simulation.simulate import simulate  # noqa: E402
from rook_bench.market.view import MarketView  # noqa: E402
from rook_bench.training import TrainSettings  # noqa: E402
from rook_bench.training.fit import train  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
THEIRS, OURS = 4, 128
"""Prompts asked the seed's way (five seconds each) and ours."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Base, prepared data, and an adapter per template."""
    spec = importlib.util.spec_from_file_location("make_random_base", ROOT / "scripts" / "make_random_base.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = tmp_path_factory.mktemp("shape")
    module.random_base(folder / "base")
    frame = simulate(4000, np.random.default_rng(3))
    prepare(frame, Rules.from_file(ROOT / "strategies" / "data_driven.json"), folder / "prepared")
    for template in ("seed", "codes"):
        settings = TrainSettings(
            model=str(folder / "base"), template=template, max_samples=64, num_epochs=1, batch_size=16,
            max_eval_samples=16,
        )  # fmt: skip
        train(folder / "prepared", folder / template, settings, say=lambda line: None)
    return folder


@pytest.fixture(scope="module")
def prompts():
    """Different prompts of a simulated tape, by template."""
    view = MarketView.whole(simulate(3000, np.random.default_rng(4)))
    texts = {name: load_template(name).render(view).texts[200:] for name in ("seed", "codes")}
    return {name: list(dict.fromkeys(all_of)) for name, all_of in texts.items()}


def peak_gflops():
    """The best float32 matrix product this machine was seen to do, in GFLOP/s."""
    best = 0.0
    for rows, inner, columns in ((512, 1024, 4096), (1024, 1024, 1024), (2048, 2048, 2048)):
        a, b = torch.randn(rows, inner), torch.randn(inner, columns)
        for _ in range(8):
            started = time.perf_counter()
            a @ b
            best = max(best, 2e-9 * rows * inner * columns / (time.perf_counter() - started))
    return best


def the_seeds_way(folder, texts):
    """The adapter unmerged, one prompt at a time, 100 tokens of free generation; the sides it would choose."""
    adapter = load_adapter(folder, merge=False, device="cpu")
    tokenizer, words = adapter.encoder.tokenizer, [adapter.encoder.side(side)[0] for side in Side]
    chosen = []
    started = time.perf_counter()
    with torch.no_grad():
        for text in texts:
            inputs = tokenizer(text, return_tensors="pt")
            out = adapter.model.generate(
                **inputs, max_length=100, pad_token_id=tokenizer.eos_token_id, do_sample=False,
                return_dict_in_generate=True, output_logits=True,
            )  # fmt: skip
            tokenizer.decode(out.sequences[0], skip_special_tokens=True)
            chosen.append(int(out.logits[0][0][words].argmax()))
    return len(texts) / (time.perf_counter() - started), chosen


def our_way(folder, texts, engine="torch"):
    adapter = load_adapter(folder, device="cpu")
    scorer = Scorer(ENGINES[engine].prepare(adapter.model, "cpu"), adapter.encoder, adapter.manifest)
    scorer(texts[:8])  # warm
    started = time.perf_counter()
    answers = scorer(texts)
    return len(texts) / (time.perf_counter() - started), answers, scorer


def work_per_prompt(scorer, texts):
    """GFLOP that the answers to these prompts need at least: two per weight and token, side word only."""
    blocks = sum(p.numel() for name, p in scorer.model.named_parameters() if ".h." in name and p.dim() == 2)
    ids = scorer.encoder.prompts(texts)
    shared = scoring._shared_length(ids)
    return 2e-9 * blocks * float(np.mean([len(row) - shared for row in ids]))


@pytest.mark.parametrize(("template", "least"), [("seed", 25), ("codes", 150)])
def test_decisions_per_second(folder, prompts, template, least, monkeypatch):
    texts = prompts[template][:OURS]
    seed_texts = prompts["seed"][:THEIRS]
    theirs, _ = the_seeds_way(folder / "seed", seed_texts)
    _, sides = the_seeds_way(folder / template, texts[:THEIRS])
    ours, answers, scorer = our_way(folder / template, texts)
    agreed = np.mean([np.argmax(a.scores) == side for a, side in zip(answers, sides, strict=False)])
    peak = peak_gflops()
    share = ours * work_per_prompt(scorer, texts) / peak
    monkeypatch.setattr(scoring, "_shared_length", lambda ids: 0)
    whole, _, _ = our_way(folder / template, texts)
    whole_share = whole * work_per_prompt(scorer, texts) / peak
    print(
        f"\n{template}: {ours:.2f} decisions/s against {theirs:.3f}/s the seed's way: {ours / theirs:.0f}x; "
        f"same side on {agreed:.0%} of {len(sides)}; {share:.0%} of the float32 matmul peak of {peak:.0f} GFLOP/s "
        f"({whole:.2f}/s and {whole_share:.0%} with the shared beginning computed for each prompt)"
    )
    assert agreed == 1
    assert ours / theirs >= least


def test_engines(folder, prompts):
    texts = prompts["codes"][:OURS]
    base, expected, scorer = our_way(folder / "codes", texts)
    for name in ("bf16", "int8"):
        if name == "bf16" and not fast_bf16("cpu"):
            print("\nbf16: this processor has no bfloat16 arithmetic")
            continue
        speed, found, _ = our_way(folder / "codes", texts, name)
        print(f"\n{name}: {speed / base:.2f}x of float32; {compare(expected, found, scorer.manifest)}")


@pytest.mark.parametrize(("template", "least", "batch"), [("seed", 12, 16), ("codes", 50, 32)])
def test_training_step(folder, template, least, batch):
    """A step of ours against upstream's: batch 1, padded to 512, loss over every token."""
    from peft import LoraConfig, get_peft_model

    from rook_bench.language.base import load_base
    from rook_bench.language.tokens import Encoder
    from rook_bench.training.data import read_training_data
    from rook_bench.training.examples import Collator, make_examples
    from rook_bench.training.loss import completion_loss

    base = load_base(str(folder / "base"))
    chosen = load_template(template)
    data, encoder = read_training_data(folder / "prepared", chosen), Encoder(base.tokenizer, chosen)
    examples = make_examples(data, data.train[:batch], encoder, [1.0, 1.0, 1.0])
    config = LoraConfig(task_type="CAUSAL_LM", r=16, lora_alpha=32, lora_dropout=0.0,
                        target_modules=["c_attn", "c_proj"], fan_in_fan_out=True)  # fmt: skip
    model = get_peft_model(base.model, config).train()

    def upstream(example, learn=True):
        ids = example["input_ids"] + [encoder.end] * (512 - len(example["input_ids"]))
        mask = [1] * len(example["input_ids"]) + [0] * (512 - len(example["input_ids"]))
        tokens = torch.tensor([ids])
        out = model(input_ids=tokens, attention_mask=torch.tensor([mask]), labels=tokens)
        if learn:
            out.loss.backward()
        return out, tokens

    def on_completion(example):
        with torch.no_grad():
            out, tokens = upstream(example, learn=False)
        parts = torch.tensor(example["parts"])[1:]
        logits, wanted = out.logits[0, : len(parts)], tokens[0, 1 : len(parts) + 1]
        return torch.nn.functional.cross_entropy(logits, wanted, reduction="none")[parts >= 0]

    started = time.perf_counter()
    for example in examples[:2]:
        upstream(example)
    theirs = 2 / (time.perf_counter() - started)

    def step():
        loss, each, _ = completion_loss(model.get_base_model(), Collator(encoder.end)(examples))
        loss.backward()
        return each

    step()
    started = time.perf_counter()
    step()
    ours = batch / (time.perf_counter() - started)
    model.eval()  # dropout would make two passes differ
    theirs_loss = torch.cat([on_completion(example) for example in examples[:2]])
    with torch.no_grad():
        _, same, _ = completion_loss(model.get_base_model(), Collator(encoder.end)(examples[:2]))
    difference = float((same - theirs_loss).abs().max())
    print(
        f"\n{template}: {ours:.2f} samples/s against {theirs:.3f}/s: {ours / theirs:.0f}x; "
        f"loss on the completion tokens differs by at most {difference:.1e} nats"
    )
    assert difference < 1e-3
    assert ours / theirs >= least


def test_full_path(folder, tmp_path, monkeypatch, capsys):
    """From an adapter to a verdict, through the command line."""
    from rook_bench.cli.main import run
    from rook_bench.market.tape_file import write_tape

    monkeypatch.setenv("ROOK_BENCH_CACHE", str(tmp_path / "cache"))
    write_tape(simulate(300, np.random.default_rng(5)), tmp_path / "tape.parquet")
    model = f"lora:{folder / 'codes'}"
    arguments = ["gate", "--policy", str(ROOT / "strategies" / "gate.toml"), "--candidate", model, "--champion"]
    rules = f"rules:{ROOT / 'strategies' / 'data_driven.json'}"
    code = run([*arguments, rules, "--data", str(tmp_path / "tape.parquet"), "--out", str(tmp_path / "gate")])
    print(capsys.readouterr().out)
    assert code in (1, 2), "random weights are never promoted"
