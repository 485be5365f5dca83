"""What may be spent: taken out before a question goes, and given back where its answer took less."""

from __future__ import annotations

from dataclasses import dataclass, field

MILLION = 1_000_000


@dataclass
class Budget:
    """Limits of one run; None is none.

    Attributes:
        tokens, usd: that may be spent.
        usd_in, usd_out: price of a million tokens read and written; 0 where none is stated.
        spent_in, spent_out: what answers said they took, or where they did not say, the most they can have taken.
        reserved_in, reserved_out: of questions on their way.
    """

    tokens: int | None = None
    usd: float | None = None
    usd_in: float = 0.0
    usd_out: float = 0.0
    spent_in: int = 0
    spent_out: int = 0
    reserved_in: int = field(default=0, repr=False)
    reserved_out: int = field(default=0, repr=False)

    def reserve(self, most_in: int, most_out: int) -> bool:
        """Take out the most that a question can cost; False where that is not left."""
        tokens_in = self.spent_in + self.reserved_in + most_in
        tokens_out = self.spent_out + self.reserved_out + most_out
        if self.tokens is not None and tokens_in + tokens_out > self.tokens:
            return False
        if self.usd is not None and self.price(tokens_in, tokens_out) > self.usd:
            return False
        self.reserved_in += most_in
        self.reserved_out += most_out
        return True

    def settle(self, most: tuple[int, int], spent: tuple[int, int]) -> None:
        """An answer came, or none will: what was taken out for it goes back, and what it took is spent."""
        self.reserved_in -= most[0]
        self.reserved_out -= most[1]
        self.spent_in += spent[0]
        self.spent_out += spent[1]

    def price(self, tokens_in: int, tokens_out: int) -> float:
        """Dollars for so many tokens."""
        return (tokens_in * self.usd_in + tokens_out * self.usd_out) / MILLION

    @property
    def priced(self) -> bool:
        """Whether prices are known."""
        return self.usd_in > 0 or self.usd_out > 0

    @property
    def limits(self) -> str:
        """The limits, for a person."""
        said = [f"{self.tokens:,} tokens"] if self.tokens is not None else []
        return " and ".join([*said, *([f"${self.usd:,.2f}"] if self.usd is not None else [])])
