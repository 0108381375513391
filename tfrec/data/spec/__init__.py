"""The feature spec: vocabulary, titles, features, cold items, and their files."""
