"""rook.json: what an adapter is, what it was made from, and what it may be used with."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from rook_bench.core import SIDE_NAMES, InputError, Side
from rook_bench.core.config import Config, Grown, read_json_record
from rook_bench.core.hashing import sha256_file, sha256_json
from rook_bench.dataset.folds import has_folds
from rook_bench.language.answer import Parsed
from rook_bench.language.chance import Chance
from rook_bench.language.draft import Draft
from rook_bench.language.place import FILE, Place, place_of
from rook_bench.language.template import Template
from rook_bench.market.frame import SwapFrame
from rook_bench.market.pool import Pool, same_pool
from rook_bench.market.row_sketch import RowSketch

WEIGHTS = {"lora": "adapter_model.safetensors", "full": "model.safetensors"}
LOADED = (".safetensors", ".bin", ".pt", ".pth", ".json", ".txt", ".model", ".jinja", ".py", ".gguf", ".h5", ".msgpack")
"""Endings of files that loading may read: weights, configuration, tokenizer, code."""

CONFIG = {"lora": "adapter_config.json", "full": "config.json"}


NEVER_READ = ("training_args.bin", "optimizer.pt", "scheduler.pt", "scaler.pt", "rng_state.pth", "trainer_state.json")
"""What trainers leave beside a model; nothing that loads one opens them."""

TEMPLATES = "additional_chat_templates"
"""A folder of a model's from which a tokenizer would take other forms of a chat."""


class BaseRecord(Grown):
    """The base model an adapter belongs to.

    Attributes:
        reference: how it was named; sha256: of its weights.
        tokenizer: hash of its tokenizer, where the adapter has none of its own.
    """

    LATER: ClassVar = ("tokenizer",)

    reference: str
    sha256: str
    tokenizer: str | None = None


class Adopted(Config):
    """How a model came here that was not trained here.

    Attributes:
        source: how it was named; revision: of the hub, the commit.
        made_with: what its files say of the libraries that made them.
        calibrated: what its temperature was fitted on, and how far off it was before and after; None where it was not.
        difference: largest difference of an answer's probability to whole forward passes of the model as it is.
        lessons_told: whether it was said what it learned from (`Manifest.learned_from`; None there means nothing).
        cautions: what to know when reading its results.
    """

    source: str
    revision: str | None = None
    made_with: dict[str, str] = Field(default_factory=dict)
    calibrated: dict[str, Any] | None = None
    difference: float | None = None
    lessons_told: bool = False
    cautions: list[str] = Field(default_factory=list)


class OfPool(Config):
    """Which of several pools something is told of.

    Attributes:
        chain, address, pair, fee_pips: of the pool.
    """

    chain: str
    address: str
    pair: str
    fee_pips: int

    @staticmethod
    def names(pool: Pool) -> dict[str, Any]:
        """What names a pool here."""
        return {"chain": pool.chain, "address": pool.address.lower(), "pair": pool.pair, "fee_pips": pool.fee_pips}

    def is_of(self, pool: Pool) -> bool:
        """Whether it is this very pool."""
        return same_pool(self.model_dump(include={"chain", "address", "pair"}), pool) and self.fee_pips == pool.fee_pips


class PoolRecord(OfPool):
    """What an adapter of several pools keeps of each: their natural mixtures and their noise differ.

    Attributes:
        class_weights, temperature, chance: as of a `Manifest`, of its rows alone.
    """

    class_weights: dict[str, float]
    temperature: float = Field(default=1.0, gt=0)
    chance: Chance | None = None


class LearnedFrom(Config):
    """What a model learned or chose from: train and validation rows, with everything between them.

    Attributes:
        pools: chain and address of each pool.
        first_at, last_at: times of the first and the last row, ISO 8601, UTC.
        rows: sketch of the rows (see `market.row_sketch`), which tells swaps whatever their pool is called.
    """

    pools: list[dict[str, str]]
    first_at: str
    last_at: str
    rows: dict[str, Any]

    @classmethod
    def of(cls, rows: SwapFrame) -> LearnedFrom:
        """What swaps tell of themselves."""
        pool = rows.pool
        return cls(
            pools=[{"chain": pool.chain, "address": pool.address.lower(), "pair": pool.pair}],
            first_at=rows.at_index[0].isoformat(),
            last_at=rows.at_index[-1].isoformat(),
            rows=RowSketch.of(rows).to_json(),
        )

    @classmethod
    def union(cls, parts: Sequence[LearnedFrom]) -> LearnedFrom:
        """All of them together; at least one."""
        pools = {tuple(sorted(pool.items())): pool for part in parts for pool in part.pools}
        return cls(
            pools=list(pools.values()),
            first_at=min(part.first_at for part in parts),
            last_at=max(part.last_at for part in parts),
            rows=RowSketch.union([RowSketch.from_json(part.rows) for part in parts]).to_json(),
        )


class Manifest(Grown):
    """The record beside an adapter's weights.

    Attributes:
        kind: "lora", or "full" for a fully fine-tuned model.
        template: the prompt it was trained on; no other is accepted.
        answers: the (size, slippage_bps, deadline_s) that training saw, by side.
        class_weights: weight of each side in the training loss; scores are divided by it, so that
            probabilities are those of the natural mixture.
        temperature: of the softmax over the three sides, fitted on the validation split.
        confidence: what a stated confidence is the chance of: the rules' label, or a profit by `horizon_s` after
            landing.
        chance: of a profit, by the log-odds of the better trade over holding; None where validation could not tell.
        horizon_s: seconds behind "profit".
        draft: grammar of what it writes before or after its answer; None where it answers only.
        learned_from: what it must not be judged on; None of a record that doesn't say.
        files: SHA-256 of weights, configuration and tokenizer.
        training: data, settings, versions, results; for a reader.
        pools: of an adapter that was trained on several, what is kept of each; what stands above is of all of them
            together, and serves a pool that is none of them.
        adopted: of a model that was not trained here, where it came from; for a reader, too.
        folder: where the model lies, from the record's folder, where that isn't told by the record's name.
    """

    LATER: ClassVar = ("draft", "pools", "adopted", "folder")

    version: Literal[1] = 1
    kind: Literal["lora", "full"]
    template: Template
    base: BaseRecord
    answers: dict[str, list[tuple[float, float, float]]]
    class_weights: dict[str, float]
    temperature: float = Field(gt=0)
    files: dict[str, str]
    confidence: Literal["label", "profit"] = "label"
    chance: Chance | None = None
    horizon_s: float | None = Field(default=None, gt=0)
    draft: Draft | None = None
    learned_from: LearnedFrom | None = None
    training: dict[str, Any] = Field(default_factory=dict)
    pools: list[PoolRecord] | None = None
    adopted: Adopted | None = None
    folder: str | None = None

    @model_validator(mode="after")
    def _weighed(self) -> Self:
        for weights in (self.class_weights, *(one.class_weights for one in self.pools or ())):
            if set(weights) != set(SIDE_NAMES) or not all(0 < weight < math.inf for weight in weights.values()):
                raise ValueError("class_weights needs a positive weight for each of BUY, HOLD and SELL")
        return self

    def on(self, pool: Pool | None) -> Manifest:
        """The record with what it keeps of this pool in place of what it keeps of all of them."""
        for one in self.pools or ():
            if pool is not None and one.is_of(pool):
                own = {"class_weights": one.class_weights, "temperature": one.temperature, "chance": one.chance}
                return self.model_copy(update=own)
        return self

    def strange(self, pool: Pool) -> str:
        """Says that a pool is none that it learned from, "" where it is one, or where that isn't known."""
        told = self.learned_from.pools if self.learned_from else [self.training.get("pool", {})]
        if not any(told) or any(same_pool(one, pool) for one in told):
            return ""
        pairs = [one["pair"] for one in told]
        named = [f"{one['pair']} {one['address'][:10]}" if pool.pair in pairs else one["pair"] for one in told]
        here = f"{pool.pair} {pool.address[:10]}" if pool.pair in pairs else pool.pair
        return f"trained on {', '.join(dict.fromkeys(named))}, asked on {here}"

    @property
    def lessons_known(self) -> bool:
        """Whether all that it learned from is told; `learned_from` of None is nothing then."""
        return self.learned_from is not None if self.adopted is None else self.adopted.lessons_told

    @property
    def drafts_first(self) -> bool:
        """Whether an answer is said after a draft."""
        return self.draft is not None and self.draft.order == "before"

    def shown(self, prompt: str) -> list[str]:
        """What each step of the draft shows of a prompt; empty without a draft, or for a text that is no prompt."""
        fields = self.template.fields_of(prompt) if self.draft else {}
        return [fields[step.show] for step in self.draft.steps] if self.draft and fields else []

    def read(self, text: str, prompt: str) -> Parsed | None:
        """A whole answer with its draft, read strictly: the draft must show the prompt's own numbers."""
        answer = self.template.answer
        if self.draft is None:
            return answer.read(text)
        shown = self.shown(prompt)
        if not shown:
            return None
        draft, whole = self.draft.pattern(shown), "(?P<answer>.+)"
        match = re.fullmatch(draft + whole if self.draft.order == "before" else whole + draft, text)
        return answer.read(match["answer"]) if match else None

    def values(self, side: Side) -> list[tuple[float, float, float]]:
        """(size, slippage_bps, deadline_s) that an answer of a side may tell, those that are fixed in their place.

        Empty where the answers that training saw are not known, and more than the word is written.
        """
        answer, seen = self.template.answer, self.answers.get(side.name, [])
        if not seen and (not answer.written or (side == Side.HOLD and not answer.hold_details)):
            seen = [(0.0, 50.0, 300.0)]
        return list(dict.fromkeys(answer.settled(side, *value) for value in seen))

    @property
    def weights(self) -> list[float]:
        """Class weights in the order of the sides' codes."""
        return [self.class_weights[name] for name in SIDE_NAMES]

    @property
    def text(self) -> str:
        """The record as it is written."""
        return json.dumps(self.model_dump(mode="json"), indent=2, allow_nan=False) + "\n"

    def save(self, folder: Path) -> None:
        """Write rook.json."""
        (folder / FILE).write_text(self.text, encoding="utf-8")


def read_manifest(reference: str | Path) -> Manifest:
    """The manifest of a model (see `place_of`); InputError where there is none or it can't be read."""
    place = place_of(reference)
    if not place.record.is_file():
        known = [name for name in CONFIG.values() if (place.folder / name).is_file()]
        if has_folds(place.folder):
            all_or_one = f"name them all as folds:{place.folder}, or one, such as {place.folder / 'fold-1'}"
            raise InputError("holds an adapter for each of several folds", where=place.folder, hint=all_or_one)
        what = "neither an adapter nor a model"
        if known:
            what = "a PEFT adapter without a record" if known[0] == CONFIG["lora"] else "a model without a record"
        hint = f"adopt it: rook-bench adopt {reference} --template NAME_OR_FILE" if known else None
        raise InputError(f"{what}, so its prompt is unknown", where=place.folder, hint=hint)
    return read_json_record(Manifest, place.record, "the adapter's record", "train again, or adopt it again")


def weights_of(folder: Path, kind: str) -> str:
    """The file that a model's weights are in, or that lists the files they are in."""
    index = f"{WEIGHTS['full']}.index.json"
    return index if kind == "full" and (folder / index).is_file() else WEIGHTS[kind]


def check_files(folder: Path, manifest: Manifest) -> None:
    """InputError where a file of the adapter is missing, is not the one that training wrote, or does not belong there.

    A file that loading would read and the record does not name, and a link, are refused: neither is under the hash
    that verdicts go by.
    """
    folder = place_of(folder).folder
    for name in (weights_of(folder, manifest.kind), CONFIG[manifest.kind]):
        if name not in manifest.files:
            raise InputError(f"the record does not name {name}", where=folder, hint="train again")
    if (folder / TEMPLATES).exists():
        what = "a tokenizer would read these, and the record does not name them"
        raise InputError(what, where=folder / TEMPLATES, hint="remove the folder")
    for path in (folder, *sorted(folder.rglob("*"))):
        if path.is_symlink() and path != folder:
            what = "an adapter holds no links: what one points to is not the adapter's own"
            raise InputError(what, where=path, hint="put a copy of the file there")
    for path in loadable(folder):
        if path.name not in manifest.files:
            what = "the record of the adapter does not name this file, which loading would read"
            raise InputError(what, where=path, hint="remove it, or train again")
    for name, recorded in manifest.files.items():
        if Path(name).name != name:
            raise InputError(f"'{name}' is no file of the adapter's folder", where=folder, hint="train again")
        path = folder / name
        if not path.is_file():
            what = "the tokenizer is missing" if "token" in name else "the file is missing"
            raise InputError(what, where=path, hint="restore it, or train again")
        if sha256_file(path) != recorded:
            raise InputError(
                "not the file that training wrote (its hash differs: truncated, or changed since)",
                where=path,
                hint="restore it, or train again",
            )


def loadable(folder: Path) -> list[Path]:
    """Files of a folder that loading a model or a tokenizer may read, without the record."""
    left = (FILE, *NEVER_READ)
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix in LOADED and path.name not in left and not path.name.startswith("rng_state_")
    )


def adapter_hash(folder: str | Path) -> str:
    """Identity of an adapter: its record and every file that loading may read, as they are now."""
    found = place_of(folder)
    place = Place(found.folder.resolve(), found.record.resolve())
    manifest = read_manifest(folder)
    named = [name for name in manifest.files if Path(name).name == name]  # others `check_files` refuses
    names = dict.fromkeys([*named, *(path.name for path in loadable(place.folder))])
    paths = [place.record, *(path for name in names if (path := place.folder / name).is_file())]
    # Asked for at every look at a source; a file is read again only when it was written again.
    return _hash_of(place, tuple((str(path), (stat := path.stat()).st_mtime_ns, stat.st_size) for path in paths))


@lru_cache(maxsize=64)
def _hash_of(place: Place, seen: tuple[tuple[str, int, int], ...]) -> str:
    manifest = read_json_record(Manifest, place.record, "the adapter's record", "train again")
    present = {Path(path).name: sha256_file(path) for path, _, _ in seen[1:]}
    identity = manifest.model_dump(mode="json", exclude={"training", "adopted", "folder"})
    if manifest.confidence == "label":  # a record without these is the one it was before they were known
        for name in ("confidence", "chance", "horizon_s"):
            del identity[name]
    return sha256_json({"manifest": identity, "files": present})
