"""Models that score one user and one candidate at a time, from features."""
