"""Metrics as pure functions of ranks."""
