"""Train a click model on labelled rows with features of users, items and context, and read its probabilities.

    python examples/clicks_with_features.py

The rows are generated: a click is likely if the genre suits the age of the user, and on a large screen.
"""

import argparse
from pathlib import Path

import keras
import numpy as np
import pandas as pd

import tfrec
from tfrec.data import Categorical, Examples, FeatureSpec, History, MultiValued, Numeric


def generate(num_rows: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Rows, items and users; some ages are missing."""
    rng = np.random.default_rng(0)
    users = pd.DataFrame({"user": np.arange(200), "age": rng.integers(15, 80, 200).astype(float)})
    items = pd.DataFrame({"item": np.arange(80), "genres": rng.choice(["Drama", "Comedy", "Drama|Comedy"], 80)})
    rows = pd.DataFrame({"user": rng.integers(0, 200, num_rows), "item": rng.integers(0, 80, num_rows)})
    rows = rows.assign(time=np.arange(num_rows), screen=rng.choice(["tv", "phone"], num_rows))
    suits = (users["age"].to_numpy()[rows["user"]] > 40) == (items["genres"] == "Drama").to_numpy()[rows["item"]]
    logit = 2.0 * suits - 1.5 + (rows["screen"] == "tv")
    rows["clicked"] = (rng.random(num_rows) < 1 / (1 + np.exp(-logit))).astype(int)
    users.loc[::10, "age"] = np.nan
    return rows, items, users


def main(out: Path, rows: int, epochs: int) -> None:
    """Run the example."""
    clicks, items, users = generate(rows)

    # 1. Labelled rows, with side tables of items and users.
    table = Examples.from_pandas(clicks, "clicked", user="user", item="item", time="time", items=items, users=users)
    split = table.split(tfrec.data.Random(valid=0.1, test=0.2))

    # 2. The features. The item's id is always one. Missing values have their own vector. Histories hold earlier clicks.
    features = [Categorical("user"), Numeric("age"), MultiValued("genres", separator="|"), Categorical("screen")]
    history = History(length=10, min_label=1, item_features=("genres",))
    spec = FeatureSpec.fit(split.train, features=features, history=history)

    # 3. In DIN the candidate attends to the history. The output is a logit.
    keras.utils.set_random_seed(0)
    model = tfrec.models.DIN(spec.model_features(), embedding_dim=8, hidden_dims=(32, 16))
    model.compile(
        optimizer=keras.optimizers.Adam(3e-3), loss=keras.losses.BinaryCrossentropy(from_logits=True), metrics=["auc"]
    )
    batches = {"known": split.train, "inputs": model.input_names}  # histories contain training rows only
    model.fit(
        tfrec.data.labelled(split.train, spec, shuffle=True, batch_size=256, **batches),
        validation_data=tfrec.data.labelled(split.valid, spec, **batches),
        epochs=epochs,
        shuffle=False,  # the dataset shuffles itself
        verbose=2,
    )

    # 4. AUC, grouped AUC, log-loss and calibration of the test rows.
    print(tfrec.evaluation.evaluate_labelled(model, spec, split.test, split.train))

    # 5. Probabilities of a click for two candidates of one user, from raw values.
    tfrec.presets.save(model, spec, out / "preset")
    request = {"user": ["7"], "age": [62.0], "screen": ["tv"]}
    print(tfrec.inference.rank(model, spec, [["3", "4"]], histories=[["1", "2"]], features=request))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/clicks_with_features"))
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--epochs", type=int, default=5)
    main(**vars(parser.parse_args()))
