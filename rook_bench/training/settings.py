"""What a training run is told. Keys and defaults are those of ROOK's own training, where it had them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from rook_bench.core.config import Config, read_mapping
from rook_bench.core.shipped import find
from rook_bench.language.base import DEFAULT_BASE


class TrainSettings(Config):
    """Settings of `rook-bench train`.

    Attributes:
        model: base model: a hub name, a folder, or a name below models/base.
        template: prompt template: a shipped name or a file.
        pair_token: begin each prompt with the pool's pair and fee, for a model of several pools.
        max_samples: rows drawn from the train split; of several pools, from each.
        num_epochs: most epochs; early stopping may end it before.
        batch_size: examples in one forward pass.
        gradient_accumulation: passes per step; by default 4 with batches of one, else 1.
        learning_rate: peak of a linear schedule with warm-up.
        warmup_share: share of all steps spent warming up.
        weight_decay: of AdamW.
        seq_len: swaps per window of the prepared folder, as ROOK's configs state it; only checked
            against the folder, because a prompt shows features and no window.
        method: "lora", or "full" fine-tuning for small bases.
        lora_r, lora_alpha, lora_dropout: shape of the adapter.
        lora_targets: names of the layers that get one; by default c_attn and c_proj where the
            architecture has them (ROOK's choice), else every projection inside attention. "all-linear": every
            linear layer but the output layer.
        lora_dora: weight-decomposed adapters (DoRA). lora_rs: rank-stabilised ones (rsLoRA), scaled by the root of r.
        gradient_checkpointing: compute activations again in the backward pass, for less memory and more time.
        load_in_4bit: train on a base in 4 bits (QLoRA), for one that does not fit otherwise. The adapter is calibrated
            and measured on the base as it is, which is what it is asked on.
        balance: weight of each side in the loss: "none", "sqrt" (inverse root of its frequency)
            or "full" (inverse frequency). Probabilities are corrected back to the natural mixture.
        patience: epochs without a better validation likelihood before training stops; 0 never stops.
        max_eval_samples: rows of the validation split that are scored after each epoch.
        bf16: train in bfloat16; by default on a GPU that computes it, and never on a CPU, whose
            results would then depend on the processor.
        objective: of stage rl: "critic" teaches what the critic of the rewards expects, "utility" the rewards
            themselves.
        kl_beta: of "utility": what it costs to leave the parent, per nat.
        seed: of everything random.
    """

    model: str = DEFAULT_BASE
    template: str = "codes"
    pair_token: bool = False
    max_samples: int = Field(default=1000, ge=8)
    num_epochs: float = Field(default=3, gt=0)
    batch_size: int = Field(default=1, ge=1)
    gradient_accumulation: int | None = Field(default=None, ge=1)
    learning_rate: float = Field(default=1e-4, gt=0)
    warmup_share: float = Field(default=0.05, ge=0, lt=1)
    weight_decay: float = Field(default=0.0, ge=0)
    seq_len: int | None = Field(default=None, ge=1)
    method: Literal["lora", "full"] = "lora"
    lora_r: int = Field(default=16, ge=1)
    lora_alpha: float = Field(default=32, gt=0)
    lora_dropout: float = Field(default=0.1, ge=0, lt=1)
    lora_targets: list[str] | None = None
    lora_dora: bool = False
    lora_rs: bool = False
    gradient_checkpointing: bool = False
    load_in_4bit: bool = False
    balance: Literal["none", "sqrt", "full"] = "sqrt"
    patience: int = Field(default=3, ge=0)
    max_eval_samples: int = Field(default=2000, ge=16)
    bf16: bool | None = None
    objective: Literal["critic", "utility"] = "critic"
    kl_beta: float = Field(default=0.01, ge=0)
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _quantised(self) -> Self:
        if self.load_in_4bit and self.method == "full":
            raise ValueError("load_in_4bit trains an adapter: method can't be full")
        return self

    @field_validator("lora_targets", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        """One text is names with commas between them."""
        return [name.strip() for name in value.split(",")] if isinstance(value, str) else value

    @property
    def accumulation(self) -> int:
        """Forward passes per optimiser step."""
        return self.gradient_accumulation or (4 if self.batch_size == 1 else 1)


def load_settings(path: str | Path | None, **given: Any) -> TrainSettings:
    """Settings from a TOML, YAML or JSON file, overruled by what was given by hand (None is not given).

    Args:
        path: a file, or what goes by name (`rook-tiny`); None for the defaults.
        given: keys of `TrainSettings`.
    """
    path = find("training", path) if path else None
    values = read_mapping(path) if path else {}
    values |= {key: value for key, value in given.items() if value is not None}
    return TrainSettings.parse(values, where=path or "train")
