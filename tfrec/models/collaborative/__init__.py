"""Models that learn from pairs of users and items, without the order of items."""
