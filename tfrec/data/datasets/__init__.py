"""Data sets: the MovieLens downloader and a generated world."""
