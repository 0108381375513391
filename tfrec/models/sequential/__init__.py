"""Sequential models: retrieval models that read the history of a user."""
