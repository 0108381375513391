"""The feature spec: vocabularies, titles, features, cold items, and their files."""
