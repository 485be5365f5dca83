"""How logs of any layout become tapes."""
