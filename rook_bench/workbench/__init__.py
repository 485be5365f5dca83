"""What the verbs do, for Python and the command line alike."""
