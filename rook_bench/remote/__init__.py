"""Training on another machine: one's own by its name, or a rented one that ends when it should."""
