"""What a model is trained on: labels by rules, chronological splits, ROOK's files."""
