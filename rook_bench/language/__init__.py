"""Language models as decision makers: prompts, answers, adapters, scoring. Nothing here imports torch until asked."""
