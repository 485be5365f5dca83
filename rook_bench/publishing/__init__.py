"""What leaves this machine because somebody asked for it: runs to an experiment tracker, models to a hub."""
