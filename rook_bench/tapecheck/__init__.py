"""How far a tape can be trusted: re-pricing, chaining, and why a swap does not come out."""
