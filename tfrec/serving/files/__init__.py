"""The files of an export: SavedModel, manifest, recorded answers, warm-up requests, version folders."""
