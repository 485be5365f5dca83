"""Machines that are rented, and that end: on success, on failure, on Ctrl-C, and when nobody is left to end them."""
