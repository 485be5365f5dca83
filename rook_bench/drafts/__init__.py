"""Drafts for training: why a row has its label, said in the template's own grammar, and true of the row."""
