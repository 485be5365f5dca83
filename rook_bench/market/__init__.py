"""Swaps: read, checked, turned into features, labels and splits, or simulated."""
