"""The promotion record: which source is champion, by which verdict, and proof that nothing changed since."""
