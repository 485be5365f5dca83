"""What the pool gives and what it costs."""
