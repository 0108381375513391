"""A small dataset and a preset trained on it, by the command line."""

import pytest

from tfrec.cli import main
from tfrec.data import generate_world


@pytest.fixture(scope="session")
def films(once):
    """A folder in MovieLens' latest layout: ratings.csv, movies.csv."""
    return once("cli_films", written)


def written(folder):
    table = generate_world(num_users=80, num_items=120, seed=2)
    rows = table.to_pandas().rename(columns={"user": "userId", "item": "movieId", "time": "timestamp"})
    rows["rating"] = 4.0
    rows[["userId", "movieId", "rating", "timestamp"]].to_csv(folder / "ratings.csv", index=False)
    table.items.rename_axis("movieId").reset_index().to_csv(folder / "movies.csv", index=False)
    return folder


@pytest.fixture(scope="session")
def preset(once, films):
    """A preset that `tfrec train` wrote, with the loss that draws the most random numbers."""

    def trained(folder):
        recipe = folder / "recipe.toml"
        model, loss = 'class = "SASRec"\nnum_blocks = 1', 'class = "SampledSoftmax"\nnum_negatives = 64'
        recipe.write_text(f"max_length = 10\n[model]\n{model}\n[loss]\n{loss}\n", encoding="utf-8")
        arguments = ["--recipe", str(recipe), "--epochs", "2", "--out", str(folder / "preset")]
        assert main(["train", "--data", str(films), *arguments]) == 0
        return folder / "preset"

    return once("cli_preset", trained)
