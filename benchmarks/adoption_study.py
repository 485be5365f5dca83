"""How far scoring is from whole forward passes of the model itself: each architecture, each kind of adapter.

Prints the table of docs/explanation/language-models.md. Models are small and random, weights float32.

    python benchmarks/adoption_study.py
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from foreign_models import ARCHITECTURES, KINDS, make_adapter, model_of  # noqa: E402
from transformers import AutoTokenizer  # noqa: E402
from transformers.utils import logging  # noqa: E402

from rook_bench.language.adopt import meet  # noqa: E402
from rook_bench.language.reader import Reader  # noqa: E402
from rook_bench.language.template import load_template  # noqa: E402

BASE = ROOT / "models" / "base" / "rook-tiny"
LINEAR = {
    "mamba": ["in_proj", "x_proj"],
    "mamba2": ["in_proj"],
    "falcon_h1": ["in_proj", "q_proj", "v_proj"],
    "bamba": ["in_proj", "q_proj", "v_proj"],
    "rwkv": ["key", "value"],
}
"""Where PEFT refuses some layers of a state-space model, or does not see the linear ones."""


def differences(folder: Path, base: Path | None) -> tuple[float, float]:
    """Of an answer's probability, with one word a token each and with words of several; the larger of 16 prompts."""
    found = []
    for template in ("codes", "rook-v1"):
        met = meet(folder, load_template(template), source="study", base=None if base is None else str(base))
        assert met.manifest.adopted is not None
        found.append(float(met.manifest.adopted.difference or 0.0))
    return found[0], found[1]


def main() -> None:
    """Print both tables."""
    warnings.simplefilter("ignore")
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(BASE)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        print("| architecture | output layer | context | model | with LoRA on all linear layers |")
        print("|---|---|---|---|---|")
        for architecture in sys.argv[1:] or ARCHITECTURES:
            base = work / architecture
            model = model_of(architecture, len(tokenizer))
            model.save_pretrained(base)
            tokenizer.save_pretrained(base)
            reader = Reader(model, tokenizer(" 50 49 10 33 4 12 buy")["input_ids"])
            layers = LINEAR.get(architecture, "all-linear")
            # Experts are parameters and no layers, on which PEFT knows no dropout.
            adapter = make_adapter(base, work / f"{architecture}-lora", target_modules=layers, lora_dropout=0.0)
            plain, adapted = max(differences(base, None)), max(differences(adapter, base))
            ways = ("its rows" if reader.by_rows else "the model's", "kept" if reader.keeps else "read again")
            print(f"| {architecture} | {ways[0]} | {ways[1]} | {plain:.0e} | {adapted:.0e} |", flush=True)
        print("\n| adapter on GPT-2 | difference |\n|---|---|")
        for number, (kind, shape) in enumerate(KINDS.items()):
            adapter = make_adapter(BASE, work / f"kind-{number}", **shape)
            print(f"| {kind} | {max(differences(adapter, BASE)):.0e} |", flush=True)


if __name__ == "__main__":
    main()
