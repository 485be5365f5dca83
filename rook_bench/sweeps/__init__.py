"""Sweeps: decisions of one tape replayed under many configurations, and what the best of them is worth."""
