"""Reading tokens after others: with what a model keeps of them where that can be taken apart, else all over again."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self
from weakref import WeakKeyDictionary

from rook_bench.core import InputError
from rook_bench.language.runtime import load_torch

PROBED = 64
"""Tokens of a prompt on which short cuts are held against the model itself."""

CLOSE, CLOSE_ROUNDED, CLOSE_QUANTISED = 1e-4, 0.02, 0.1
"""Largest difference of logits to the model itself, as a share of the largest logit: of float32, and of less."""


class Context(Protocol):
    """What was read so far, of many rows."""

    def spread(self, rows: int) -> Self:
        """The same for many rows, of a context of one."""
        ...

    def select(self, rows: Sequence[int]) -> Self:
        """Some of its rows."""
        ...


@dataclass(frozen=True, eq=False)
class Kept:
    """Keys and values of each layer."""

    cache: Any

    def spread(self, rows: int) -> Kept:
        """The same for many rows, of a context of one."""
        return self._rebuilt(lambda tensor: tensor.expand(rows, *tensor.shape[1:]))

    def select(self, rows: Sequence[int]) -> Kept:
        """Some of its rows."""
        return self._rebuilt(lambda tensor: tensor[list(rows)])

    def _rebuilt(self, change: Callable[[Any], Any]) -> Kept:
        from transformers import DynamicCache

        copy = DynamicCache()
        for index, layer in enumerate(self.cache.layers):
            copy.update(change(layer.keys), change(layer.values), index)
        return Kept(copy)


@dataclass(frozen=True, eq=False)
class Retold:
    """The tokens themselves, shape (rows, tokens): what comes after them is read with all of them again."""

    tokens: Any

    def spread(self, rows: int) -> Retold:
        """The same for many rows, of a context of one."""
        return Retold(self.tokens.expand(rows, -1))

    def select(self, rows: Sequence[int]) -> Retold:
        """Some of its rows."""
        return Retold(self.tokens[list(rows)])


_BY_ROWS: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()


def output_by_rows(model: Any) -> bool:
    """Whether a model's logits are its hidden states through its output layer and nothing more; tried once."""
    if model not in _BY_ROWS:
        training = model.training
        model.eval()  # dropout would make two passes differ
        try:
            _BY_ROWS[model] = Reader(model, range(1, 9)).by_rows
        finally:
            model.train(training)
    return _BY_ROWS[model]


def positions_of(config: Any) -> int | None:
    """How many tokens a model takes, where it states that."""
    try:
        return getattr(config, "max_position_embeddings", None)
    except NotImplementedError:  # XLNet's own way to say that there is no limit
        return None


class Reader:
    """What a causal language model says next, after tokens and their context.

    Two short cuts are taken where they give what the model itself gives, which is tried on a prompt: of the output
    layer only the rows that are asked for, and of a context the keys and values that were computed already. Models
    that do more to their logits (a soft cap, a scale) and models whose memory is no list of keys and values
    (state-space and hybrid ones) are read without them, more slowly.

    Args:
        model: a causal language model on its device.
        probe: tokens of a prompt, at least two.

    Raises:
        InputError: for a model that isn't causal, or whose logits are no numbers.

    Attributes:
        by_rows: whether the output layer is used by its rows; keeps: whether contexts are kept.
    """

    def __init__(self, model: Any, probe: Sequence[int]) -> None:
        self.torch, self.model = load_torch(), model
        self.head: Any = None
        self.bias: Any = None
        self.close = CLOSE
        self.by_rows = self.keeps = True
        self._prepare_head()
        self.decoder = getattr(model, model.base_model_prefix, None) or model
        self._may_leave_out = "logits_to_keep" in inspect.signature(model.forward).parameters
        ids = self.torch.tensor([list(probe)[:PROBED]], device=model.device)
        with self.torch.inference_mode():
            wanted = self._checked(ids)
            self.by_rows = self._gives(wanted, lambda: self._at_once(ids))
            self.keeps = self._gives(wanted, lambda: self._in_parts(ids))

    def read(self, tokens: Any, context: Any = None, *, keep: bool = False, every: bool = False) -> tuple[Any, Any]:
        """Read tokens of shape (rows, n) after their context.

        Args:
            tokens: ids; context: of as many rows, or None; it is read on from, and not to be used again.
            keep: whether what was read is to be read on from.
            every: whether each position is wanted, or the last alone.

        Returns:
            What `logits` takes, of shape (rows, n or 1, width), and the context with these tokens (None unless kept).
        """
        if not self.keeps:
            whole = tokens if context is None else self.torch.cat([context.tokens, tokens], dim=1)
            out = self._states(whole, None, use_cache=False, last=tokens.shape[1] if every else 1)[0]
            return out, Retold(whole) if keep else None
        keep = keep or context is not None
        # A cache of its own kind: one that the model makes would forget what is beyond a sliding window.
        cache = self._new_cache() if context is None and keep else None if context is None else context.cache
        out, cache = self._states(tokens, cache, use_cache=keep, last=tokens.shape[1] if every else 1)
        return out, Kept(cache) if keep else None

    def peek(self, tokens: Any, context: Any) -> Any:
        """What `logits` takes of every one of these tokens, read after a context that stays as it is."""
        states, after = self.read(tokens, context, keep=True, every=True)
        if isinstance(after, Kept):
            after.cache.crop(-tokens.shape[1])
        return states

    def logits(self, states: Any, tokens: Sequence[int] | None = None) -> Any:
        """Logits of all tokens, or of some, from what `read` returned; float32."""
        if not self.by_rows:
            return states.float() if tokens is None else states[..., list(tokens)].float()
        head = self.head if tokens is None else self.head[list(tokens)]
        logits = states.float() @ head.T
        if self.bias is None:
            return logits
        return logits + (self.bias if tokens is None else self.bias[list(tokens)])

    def _states(self, tokens: Any, cache: Any, *, use_cache: bool, last: int) -> tuple[Any, Any]:
        """Hidden states of the last positions, or logits of a model whose output layer is not used by its rows."""
        if self.by_rows:
            out = self.decoder(input_ids=tokens, past_key_values=cache, use_cache=use_cache)
            return out.last_hidden_state[:, -last:], out.past_key_values if use_cache else None
        options: dict[str, Any] = {"past_key_values": cache} if use_cache else {}
        if self._may_leave_out:
            options["logits_to_keep"] = last
        out = self.model(input_ids=tokens, use_cache=use_cache, **options)
        return out.logits[:, -last:], out.past_key_values if use_cache else None

    def _new_cache(self) -> Any:
        from transformers import DynamicCache

        return DynamicCache()

    def _prepare_head(self) -> None:
        head = self.model.get_output_embeddings()
        if head is None:
            self.by_rows = False
            return
        weight, bias = head.weight, getattr(head, "bias", None)
        # A quantised output layer hands its weight out by a call; float32 rows cost nothing here.
        rows = (weight() if callable(weight) else weight).detach()
        if rows.is_quantized:
            # One scale for all that is read at once: the same token comes out otherwise in other company.
            self.close = CLOSE_QUANTISED
        elif rows.dtype != self.torch.float32:
            self.close = CLOSE_ROUNDED
        self.head = (rows.dequantize() if rows.is_quantized else rows).float()
        bias = bias() if callable(bias) else bias
        self.bias = None if bias is None else bias.detach().float()

    def _checked(self, ids: Any) -> Any:
        """The logits after these tokens, by the model itself; InputError where they are no numbers, or not causal."""
        logits, middle = self.model(input_ids=ids, use_cache=False).logits[0].float(), ids.shape[1] // 2
        if not self.torch.isfinite(logits).all():
            hint = "its weights are damaged, or its training diverged"
            raise InputError("the model's answer is not a number", hint=hint)
        begun = ids[:, : middle + 1]
        if not self._gives(logits[middle], lambda: self.model(input_ids=begun, use_cache=False).logits[0, -1].float()):
            what = f"{type(self.model).__name__} looks at the tokens that follow: what comes next can't be asked of it"
            raise InputError(what, hint="take a causal language model")
        return logits[-1]

    def _at_once(self, ids: Any) -> Any:
        return self.logits(self._states(ids, None, use_cache=False, last=1)[0][0, -1]) if self.by_rows else None

    def _in_parts(self, ids: Any) -> Any:
        """The same by way of everything that is done to contexts."""
        middle, end = max(1, ids.shape[1] // 3), max(2, 2 * ids.shape[1] // 3)
        _, first = self.read(ids[:, :middle], keep=True)
        _, second = self.read(ids[:, middle:end].expand(2, -1), first.spread(2), keep=True)
        self.peek(ids[:, :2].expand(2, -1), second)
        states, _ = self.read(ids[:, end:], second.select([1])) if end < ids.shape[1] else self.read(ids)
        return self.logits(states[0, -1])

    def _gives(self, wanted: Any, short: Callable[[], Any]) -> bool:
        try:
            found = short()
        except Exception:  # a model that has no such part says so in many ways
            return False
        if found is None or found.shape != wanted.shape:
            return False
        return bool(float((wanted - found).abs().max()) <= self.close * float(wanted.abs().max()) + self.close / 20)
