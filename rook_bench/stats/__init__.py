"""Statistics as pure functions over clock-sampled returns."""
