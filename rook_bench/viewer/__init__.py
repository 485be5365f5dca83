"""Pages on which one looks into runs, verdicts, trials, promotions and adapters. Nothing here writes or executes."""
