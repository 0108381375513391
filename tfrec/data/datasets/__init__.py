"""Datasets: a MovieLens downloader and a synthetic dataset."""
