"""Models that learn from who took what: users and items by id."""
