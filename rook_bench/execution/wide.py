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

# A quotient digit is estimated from the leading 64 bits of the numerator and 53 of the divisor.
# Both are brought to that length first, so their ratio lies between 2**10 and 2**12 and a digit
# scaled by 2**40 always fits into 64 bits. The last factor outweighs every rounding on the way,
# so that a digit is never too large; what it lacks, the next round adds.
_DIGIT_BITS = 40
_DIGIT_SCALE = float(2**_DIGIT_BITS) * (1.0 - 2.0**-49)


@njit
def leading(value: Any, bits: int) -> Any:
    """The value's leading `bits` bits as float64, and the power of two they were divided by."""
    shift = bit_length(value) - bits
    if shift >= 0:
        return float(low64(_right(value, np.uint64(shift)))), shift
    return float(low64(value) << np.uint64(-shift)), shift


@njit
def _divide(numerator: Any, divisor: Any) -> Any:
    """Floor division; a divisor of zero raises ZeroDivisionError.

    LLVM's own division of this width works bit by bit (about 600 ns here); this takes about 50
    bits of the quotient at a time and corrects exactly by the remainder.
    """
    if low64(divisor) == 0 and bit_length(divisor) == 0:
        raise ZeroDivisionError("division by zero")
    quotient = wide(np.uint64(0))
    divisor_top, divisor_shift = leading(divisor, 53)
    while _not_below(numerator, divisor):
        top, shift = leading(numerator, 64)
        digit = np.uint64(top / (divisor_top + 1.0) * _DIGIT_SCALE)
        place = shift - divisor_shift - _DIGIT_BITS  # at least -51, because numerator >= divisor
        if place < 0:
            digit = max(digit >> np.uint64(-place), np.uint64(1))
            place = 0
        # Multiplying by the short digit before shifting saves most of a 384-bit product.
        quotient = _add(quotient, _left(wide(digit), np.uint64(place)))
        numerator = _subtract(numerator, _left(_multiply(divisor, wide(digit)), np.uint64(place)))
    return quotient


@njit
def _divide_short(numerator: Any, divisor: Any) -> Any:
    """Floor division by a 64-bit integer: digit by digit where it is short, as on paper."""
    if divisor == 0 or divisor >> np.uint64(32) != 0 or bit_length(numerator) > 128:
        return _divide(numerator, wide(divisor))
    mask, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    high, low = low64(_right(numerator, np.uint64(64))), low64(numerator)
    rest = high >> half
    first, rest = rest // divisor, (rest % divisor) << half | (high & mask)
    second, rest = rest // divisor, (rest % divisor) << half | (low >> half)
    third, rest = rest // divisor, (rest % divisor) << half | (low & mask)
    upper, lower = first << half | second, third << half | rest // divisor
    return _add(_left(wide(upper), np.uint64(64)), wide(lower))


def _operator(symbol: Any, function: Any) -> None:
    """Let `symbol` work between Wide and Wide, and between Wide and a non-negative 64-bit integer."""

    @overload(symbol)
    def typed(left, right):  # Numba compares the signatures, so no annotations here
        if isinstance(left, Wide) and isinstance(right, Wide):
            return lambda left, right: function(left, right)
        if isinstance(left, Wide) and isinstance(right, types.Integer):
            if symbol is operator.floordiv:
                return lambda left, right: _divide_short(left, np.uint64(right))
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
    def typed(value, count):
        if isinstance(value, Wide) and isinstance(count, types.Integer):
            return lambda value, count: function(value, np.uint64(count))
        return None


_shift_operator(operator.lshift, _left)
_shift_operator(operator.rshift, _right)


@njit
def load(limbs: Any) -> Any:
    """The value of a row of four 64-bit limbs, least significant first.

    Written out, because shifts by constants are moves between registers and shifts by a loop
    variable are not.
    """
    low = wide(limbs[0]) + (wide(limbs[1]) << 64)
    return low + (wide(limbs[2]) << 128) + (wide(limbs[3]) << 192)


@njit
def store(value: Any, limbs: Any) -> None:
    """Write a value below 2**256 into a row of four 64-bit limbs, least significant first."""
    limbs[0] = low64(value)
    limbs[1] = low64(value >> 64)
    limbs[2] = low64(value >> 128)
    limbs[3] = low64(value >> 192)


@njit
def from_float(value: float) -> Any:
    """The value of a non-negative float64 below 2**128 that is a whole number."""
    high = np.floor(value / 18446744073709551616.0)
    return (wide(np.uint64(high)) << 64) + wide(np.uint64(value - high * 18446744073709551616.0))


@njit
def to_float(value: Any) -> Any:
    """float64 of a value below 2**128, for ratios and the equity curve only."""
    return float(low64(value >> 64)) * 18446744073709551616.0 + float(low64(value))
