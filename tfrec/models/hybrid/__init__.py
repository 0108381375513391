"""Ranking models: attention over features, candidates and experts."""
