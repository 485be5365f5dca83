"""384-bit unsigned integers inside compiled code.

Numba has no integer wider than 64 bits, and Uniswap v3 needs 384 (a 224-bit times a 160-bit
factor before a division). LLVM has integers of any width, so this file gives Numba a type for
them with `+ - * // << >>` and comparisons. The pool maths in `amm.py` is written once with these
operators: called as Python it is exact because Python integers are, compiled it is exact because
every intermediate of v3 fits into 384 bits.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic, models, overload, register_model

BITS = 384
_INT = ir.IntType(BITS)
_I64 = ir.IntType(64)


class Wide(types.Type):
    """Numba's name for a 384-bit unsigned integer."""

    def __init__(self) -> None:
        super().__init__(name=f"wide{BITS}")


wide_type = Wide()


@register_model(Wide)
class _WideModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _INT)


@intrinsic
def wide(context: Any, value: Any) -> Any:
    """A non-negative 64-bit integer, widened (a Wide passes through)."""
    if isinstance(value, Wide):
        return wide_type(wide_type), lambda _c, _b, _s, args: args[0]
    signature = wide_type(types.uint64)
    return signature, lambda _context, builder, _signature, args: builder.zext(args[0], _INT)


@intrinsic
def low64(context: Any, value: Any) -> Any:
    """The lowest 64 bits."""
    return types.uint64(wide_type), lambda _c, builder, _s, args: builder.trunc(args[0], _I64)


@intrinsic
def bit_length(context: Any, value: Any) -> Any:
    """Number of bits up to the highest one that is set."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        zeros = builder.ctlz(args[0], ir.Constant(ir.IntType(1), 0))
        return builder.sub(ir.Constant(_I64, BITS), builder.trunc(zeros, _I64))

    return types.int64(wide_type), generate


def _binary(name: str) -> Any:
    @intrinsic
    def operation(context: Any, left: Any, right: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            return getattr(builder, name)(args[0], args[1])

        return wide_type(wide_type, wide_type), generate

    return operation


def _shift(name: str) -> Any:
    @intrinsic
    def operation(context: Any, value: Any, count: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            return getattr(builder, name)(args[0], builder.zext(args[1], _INT))

        return wide_type(wide_type, types.uint64), generate

    return operation


def _compare(sign: str) -> Any:
    @intrinsic
    def operation(context: Any, left: Any, right: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            return builder.icmp_unsigned(sign, args[0], args[1])

        return types.boolean(wide_type, wide_type), generate

    return operation


_subtract, _multiply, _add = _binary("sub"), _binary("mul"), _binary("add")
_left, _right = _shift("shl"), _shift("lshr")
_not_below = _compare(">=")

# A quotient digit is estimated from the leading 64 and 53 bits in float64, scaled by 2**40 and
# rounded down by one part in 2**50, so that it never exceeds the true digit.
_DIGIT_BITS = 40
_DIGIT_SCALE = float(2**_DIGIT_BITS) * (1.0 - 2.0**-50)


@njit
def _divide(numerator: Any, divisor: Any) -> Any:
    """Floor division; the caller makes sure that the divisor is not zero.

    LLVM's own division of this width works bit by bit (about 600 ns here); this takes about 50
    bits of the quotient at a time and corrects exactly by the remainder.
    """
    quotient = wide(np.uint64(0))
    divisor_shift = max(0, bit_length(divisor) - 53)
    divisor_top = float(low64(_right(divisor, np.uint64(divisor_shift)))) + 1.0
    while _not_below(numerator, divisor):
        shift = max(0, bit_length(numerator) - 64)
        top = float(low64(_right(numerator, np.uint64(shift))))
        digit = np.uint64(top / divisor_top * _DIGIT_SCALE)
        place = shift - divisor_shift - _DIGIT_BITS
        if place >= 0:
            part = _left(wide(digit), np.uint64(place))
        elif place > -64:
            part = wide(max(digit >> np.uint64(-place), np.uint64(1)))
        else:
            part = wide(np.uint64(1))
        quotient = _add(quotient, part)
        numerator = _subtract(numerator, _multiply(part, divisor))
    return quotient


def _operator(symbol: Any, function: Any) -> None:
    """Let `symbol` work between Wide and Wide, and between Wide and a non-negative 64-bit integer."""

    @overload(symbol)
    def typed(left: Any, right: Any) -> Any:
        if isinstance(left, Wide) and isinstance(right, Wide):
            return lambda left, right: function(left, right)
        if isinstance(left, Wide) and isinstance(right, types.Integer):
            return lambda left, right: function(left, wide(np.uint64(right)))
        if isinstance(left, types.Integer) and isinstance(right, Wide):
            return lambda left, right: function(wide(np.uint64(left)), right)
        return None


for _symbol, _function in (
    (operator.add, _add),
    (operator.sub, _subtract),
    (operator.mul, _multiply),
    (operator.floordiv, _divide),
    (operator.ge, _not_below),
    (operator.gt, _compare(">")),
    (operator.le, _compare("<=")),
    (operator.lt, _compare("<")),
    (operator.eq, _compare("==")),
    (operator.ne, _compare("!=")),
):
    _operator(_symbol, _function)


def _shift_operator(symbol: Any, function: Any) -> None:
    @overload(symbol)
    def typed(value: Any, count: Any) -> Any:
        if isinstance(value, Wide) and isinstance(count, types.Integer):
            return lambda value, count: function(value, np.uint64(count))
        return None


_shift_operator(operator.lshift, _left)
_shift_operator(operator.rshift, _right)


@njit
def load(limbs: Any) -> Any:
    """The value of a row of 64-bit limbs, least significant first."""
    value = wide(limbs[0])
    for index in range(1, limbs.shape[0]):
        value = value + (wide(limbs[index]) << (64 * index))
    return value


@njit
def store(value: Any, limbs: Any) -> None:
    """Write the value into a row of 64-bit limbs, least significant first."""
    for index in range(limbs.shape[0]):
        limbs[index] = low64(value >> (64 * index))


@njit
def to_float(value: Any) -> Any:
    """float64 of the leading 64 bits, for ratios and flags only."""
    shift = max(0, bit_length(value) - 64)
    return float(low64(value >> shift)) * 2.0**shift
