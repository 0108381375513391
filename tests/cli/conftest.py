"""A small dataset and a preset trained on it, as the command line makes them."""

import pytest

from tfrec.cli import main
from tfrec.data import generate_world


@pytest.fixture(scope="session")
def films(tmp_path_factory):
    """A folder in MovieLens' latest layout: ratings.csv, movies.csv."""
    folder = tmp_path_factory.mktemp("films")
    table = generate_world(num_users=80, num_items=120, seed=2)
    rows = table.to_pandas().rename(columns={"user": "userId", "item": "movieId", "time": "timestamp"})
    rows["rating"] = 4.0
    rows[["userId", "movieId", "rating", "timestamp"]].to_csv(folder / "ratings.csv", index=False)
    table.items.rename_axis("movieId").reset_index().to_csv(folder / "movies.csv", index=False)
    return folder


@pytest.fixture(scope="session")
def preset(films, tmp_path_factory):
    """What `tfrec train` wrote."""
    folder = tmp_path_factory.mktemp("trained") / "preset"
    assert main(["train", "--data", str(films), "--out", str(folder), "--epochs", "2", "--max-length", "10"]) == 0
    return folder
