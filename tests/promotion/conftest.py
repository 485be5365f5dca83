"""Fixtures of the promotion tests; see promotions.py."""

from promotions import keys, place

__all__ = ["keys", "place"]
