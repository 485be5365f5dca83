"""A model that was not trained here: what it is, whether it can be asked, and the record that says so."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from rook_bench.core import SIDE_NAMES, ConfigError, InputError, Side
from rook_bench.core.hashing import sha256_file
from rook_bench.core.shipped import by_name, find
from rook_bench.core.untrusted import word
from rook_bench.ingest.read import read_swaps
from rook_bench.language.adapter import Adapter, assembled, load_full, loading
from rook_bench.language.architecture import read_settings
from rook_bench.language.base import Base, has_tokenizer, load_base, tokenizer_hash, weights_hash
from rook_bench.language.draft_scoring import scorer
from rook_bench.language.lora import merged, with_lora
from rook_bench.language.manifest import CONFIG, NEVER_READ, Adopted, BaseRecord, Manifest, loadable, weights_of
from rook_bench.language.peft_shape import read_adapter_config
from rook_bench.language.place import FILE
from rook_bench.language.runtime import load_torch
from rook_bench.language.scoring import LONGEST
from rook_bench.language.template import Template
from rook_bench.language.tokens import Encoder
from rook_bench.market.view import MarketView

PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib")
CODE = (".py", ".pyc", ".so")

PROBES = 16
"""Prompts on which scoring is held against whole forward passes."""

LARGEST_DIFFERENCE = 1e-3
"""Of an answer's probability, beyond which scoring is not the model."""

PAGE = "see docs/how-to/adopt-a-model.md"


@dataclass(frozen=True, eq=False)
class Met:
    """A model that can be asked.

    Attributes:
        manifest: its record, not written yet; adapter: the model itself, loaded and merged.
    """

    manifest: Manifest
    adapter: Adapter


def kind_of(folder: Path) -> Literal["lora", "full"]:
    """Whether a folder holds an adapter or a whole model.

    Raises:
        InputError: for neither, and for what is never opened: pickled weights, code, links.
    """
    kind = next((kind for kind, name in CONFIG.items() if (folder / name).is_file()), None)
    if kind is None:
        below = sorted(path.parent for name in CONFIG.values() for path in folder.glob(f"*/{name}"))
        hint = f"did you mean {below[-1]}?" if below else "give the folder of a PEFT adapter or of a model"
        what = "neither an adapter (adapter_config.json) nor a model (config.json)"
        raise InputError(what, where=folder, hint=hint)
    if (folder / FILE).is_file():
        what = "it has a record of its own (rook.json), which says its prompt and its base"
        raise InputError(what, where=folder, hint=f"name it as lora:{folder}")
    for path in sorted(folder.iterdir()):
        if path.is_symlink():
            hint = "copy what they point to (cp -rL), or adopt the hub's name in place of its cache"
            raise InputError("a model holds no links", where=path, hint=hint)
        if path.suffix in CODE:
            what = "it holds code, and nothing that a model's folder holds is run"
            raise InputError(what, where=path, hint="remove it, if transformers knows the architecture without it")
    weights = folder / weights_of(folder, kind)
    if not weights.is_file():
        pickled = [path for path in folder.iterdir() if path.suffix in PICKLES and path.name not in NEVER_READ]
        if pickled:
            what = f"a pickle, which may run code when it is opened, and there is no {weights.name}"
            raise InputError(what, where=pickled[0], hint=f"convert it to safetensors where you trust it: {PAGE}")
        raise InputError(f"there is no {weights.name}", where=folder, hint="save it with safe_serialization=True")
    return "lora" if kind == "lora" else "full"


def meet(folder: Path, template: Template, *, source: str, revision: str | None = None, base: str | None = None) -> Met:
    """Load a model, try it, and say what it is.

    Args:
        folder: of an adapter or of a whole model; nothing in it is changed.
        template: what it is to be asked.
        source: how it was named; revision: its commit on the hub.
        base: of an adapter, where its base lies; by default what its configuration names.

    Raises:
        InputError: for whatever keeps it from being asked: kinds, code, pickles, a base that isn't here or is another
            one, a tokenizer that doesn't read back what it writes, scores that are not the model's.
    """
    kind = kind_of(folder)
    if kind == "full" and base is not None:
        raise ConfigError("it is a whole model and has no base", where=f"--base {base}", hint="leave it away")
    model: Any
    told: dict[str, Any]
    loaded: Base | None
    if kind == "lora":
        told = read_adapter_config(folder)
        loaded = _base_for(folder, told, base)
        record = BaseRecord(reference=loaded.reference, sha256=loaded.sha256)
        if not has_tokenizer(folder):
            record = record.model_copy(update={"tokenizer": tokenizer_hash(loaded.tokenizer)})
        with loading("adapter", folder):
            model = with_lora(folder, loaded)
    else:
        told, loaded, model = {}, None, load_full(folder)
        record = BaseRecord(reference=source, sha256=weights_hash(model))
    manifest = Manifest(
        kind=kind,
        template=template,
        base=record,
        answers={},
        class_weights=dict.fromkeys(SIDE_NAMES, 1.0),
        temperature=1.0,
        files={path.name: sha256_file(path) for path in loadable(folder)},
        adopted=Adopted(source=source, revision=revision, made_with=_made_with(folder, kind)),
    )
    adapter = assembled(folder, manifest, model, loaded)
    prompts = sample_prompts(template)
    _check_tokenizer(adapter.encoder, template)
    cautions = _cautions(adapter.encoder, template, prompts[0])
    if loaded is not None and base is None and loaded.reference != told.get("base_model_name_or_path"):
        named = word(str(told.get("base_model_name_or_path")), 80)
        cautions.append(f"its base {named} is not here, and {loaded.reference} was taken, which has the same name")
    if template.answer.json_object is not None:
        return Met(_told(manifest, cautions=cautions), replace(adapter, model=merged(model)))
    wanted = [_whole_passes(adapter, prompt) for prompt in prompts]
    whole = replace(adapter, model=merged(model).eval())
    found = scorer(whole.model, whole.encoder, manifest)(prompts)
    difference = float(np.abs(np.exp([one.scores for one in found]) - np.exp(wanted)).max())
    if not difference <= LARGEST_DIFFERENCE:
        what = f"its scores differ by {difference:.1e} from those of whole forward passes"
        raise InputError(what, where=folder, hint="ask it with a template whose answers are JSON, which are written")
    return Met(_told(manifest, cautions=cautions, difference=difference), whole)


def sample_prompts(template: Template) -> list[str]:
    """Different prompts of a template, on the sample that is shipped."""
    tape = find("tape", "sample").absolute()
    return list(_on_sample(template.model_dump_json(), tape, tape.stat().st_mtime_ns))


@lru_cache(maxsize=8)
def _on_sample(template_json: str, tape: Path, _changed: int) -> tuple[str, ...]:
    """The same, rendered once: whoever adopts, and asks what was adopted, needs them twice."""
    template, frame = Template.model_validate_json(template_json), read_swaps(tape)
    texts = list(dict.fromkeys(text for text in template.render(MarketView.whole(frame)).texts if text))
    if not texts:
        raise InputError(f"template {template.name} shows nothing on the sample: no row has all of its fields")
    return tuple(texts[:: max(1, len(texts) // PROBES)][:PROBES])


def _told(manifest: Manifest, **facts: Any) -> Manifest:
    assert manifest.adopted is not None
    return manifest.model_copy(update={"adopted": manifest.adopted.model_copy(update=facts)})


def _whole_passes(adapter: Adapter, prompt: str) -> list[float]:
    """Log-probabilities of the three words by one forward pass each, nothing kept, nothing merged; normalised."""
    torch, before = load_torch(), adapter.encoder.prompts([prompt])[0]
    totals = []
    with torch.inference_mode():
        for side in Side:
            word_ids = adapter.encoder.side(side)
            ids = torch.tensor([[*before, *word_ids]], device=adapter.model.device)
            logits = adapter.model(input_ids=ids, use_cache=False).logits[0].double()
            each = torch.log_softmax(logits[len(before) - 1 : -1], dim=1)
            totals.append(sum(float(each[place, token]) for place, token in enumerate(word_ids)))
    most = np.logaddexp.reduce(totals)
    return [total - float(most) for total in totals]


def _base_for(folder: Path, told: dict[str, Any], base: str | None) -> Base:
    """The base of a foreign adapter: the one that is named, else the one that its configuration names."""
    if base is not None:
        return load_base(base)
    named = told.get("base_model_name_or_path")
    if not isinstance(named, str) or not named:
        raise InputError("it does not name its base", where=folder / CONFIG["lora"], hint="name it with --base")
    revision = told.get("revision")
    reference = f"{named}@{revision}" if isinstance(revision, str) and not Path(named).is_dir() else named
    try:
        return load_base(reference)
    except InputError as error:
        here = by_name("base", Path(named).name)  # it may have lain elsewhere where the adapter was trained
        if here is not None:
            return load_base(str(here))
        what = f"its base {word(reference, 100)} can't be loaded ({error.what})"
        raise InputError(what, where=folder, hint="name it with --base DIR_OR_NAME") from None


def _made_with(folder: Path, kind: str) -> dict[str, str]:
    """What the files say of the libraries that made them."""
    told = read_settings(folder / CONFIG[kind])
    return {name: word(str(told[name]), 30) for name in ("peft_version", "transformers_version") if told.get(name)}


def _check_tokenizer(encoder: Encoder, template: Template) -> None:
    """The three words, and what may follow them, read back as they are written."""
    if template.answer.json_object is None:
        encoder.check_reads_back({side: [template.answer.settled(side, *LONGEST)] for side in Side})


def _cautions(encoder: Encoder, template: Template, prompt: str) -> list[str]:
    found = []
    if template.chat is None and encoder.tokenizer.chat_template:
        found.append(f"its tokenizer brings a chat template, and template {template.name} is plain text")
    joined = encoder.check_joins(prompt) if template.answer.json_object is None else None
    return [*found, *([joined] if joined else [])]
