"""Two stages in one SavedModel: a sequential model finds candidates, a ranking model ranks them.

    python examples/two_stages.py

The export takes raw ids and returns ranked raw ids, so only one folder is deployed.
"""

import argparse
from pathlib import Path

import keras
import numpy as np

import tfrec
from tfrec.data import Examples, FeatureSpec, Interactions


def main(out: Path, users: int, epochs: int) -> None:
    """Run the example."""
    # 1. A log of ratings. A rating of 4 or 5 counts as a click for the ranking model.
    world = tfrec.data.generate_world(num_users=users, num_items=150)
    rows = world.to_pandas()
    rng = np.random.default_rng(0)
    quality = dict(zip(world.items.index, rng.uniform(1, 5, len(world.items)), strict=True))
    rows["rating"] = (rows["item"].map(quality) + rng.normal(0, 0.7, len(rows))).round().clip(1, 5)
    names = {"user": "user", "item": "item", "time": "time", "items": world.items.rename_axis("item").reset_index()}
    table = Interactions.from_pandas(rows, weight="rating", **names)
    keras.utils.set_random_seed(0)

    # 2. The first stage reads histories: it finds candidates in the whole catalogue.
    train, _, _ = table.split(tfrec.data.LeaveLastOut())
    spec = FeatureSpec.fit(train, max_length=20)
    retrieval = tfrec.models.SASRec(spec.num_items, max_length=20, hidden_dim=32, num_blocks=1)
    retrieval.compile("adam", loss=tfrec.losses.FullSoftmax(), jit_compile=False)
    retrieval.fit(tfrec.data.sequences(train, spec, batch_size=32), epochs=epochs, shuffle=False, verbose=2)
    tfrec.presets.save(retrieval, spec, out / "retrieval")

    # 3. The second stage reads features: it scores each candidate.
    split = Examples.from_interactions(table, positive=4).split(tfrec.data.Random(valid=0.1, test=0.2))
    spec = FeatureSpec.fit(split.train)
    ranking = tfrec.models.DCNv2(spec.model_features(), embedding_dim=8, num_cross_layers=2, hidden_dims=(16,))
    ranking.compile("adam", loss=keras.losses.BinaryCrossentropy(from_logits=True), metrics=["auc"])
    batches = tfrec.data.labelled(split.train, spec, shuffle=True, inputs=ranking.input_names)
    ranking.fit(batches, epochs=2 * epochs, shuffle=False, verbose=2)
    tfrec.presets.save(ranking, spec, out / "ranking")

    # 4. One SavedModel of both. It becomes visible only if it gives the same answers as the models in a fresh process.
    version = tfrec.serving.export_two_stage(
        out / "retrieval", out / "ranking", out / "served", k=5, candidates=50, keep=2
    )
    print(version)

    # 5. Send a request to the export, as a server would, in a process without tfrec and Keras.
    request = {"history": [["m0001", "m0002"]]}
    answer = tfrec.serving.replay(version, [tfrec.serving.Call("recommend_by_history", request)])[0]
    for item, score in zip(answer["item_ids"][0], answer["scores"][0], strict=True):
        print(f"{item}  {score:.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/two_stages"))
    parser.add_argument("--users", type=int, default=500)
    parser.add_argument("--epochs", type=int, default=5)
    main(**vars(parser.parse_args()))
