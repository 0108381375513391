"""Models that combine a collaborative and a content part."""
