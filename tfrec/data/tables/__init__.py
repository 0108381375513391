"""Validated tables: interactions, labelled rows, their ids, times, labels and hashes."""
