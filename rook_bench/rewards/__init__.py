"""What every action on every row would have earned, and what of that can be told beforehand."""
