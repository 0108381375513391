"""Train a sequential recommender on a csv file, compare it with baselines, save it and get recommendations.

Without an argument it generates one first:

    python examples/sequential_from_csv.py
    python examples/sequential_from_csv.py ratings.csv --epochs 20

The TensorBoard callback needs the package tensorboard, which TensorFlow 2.21 does not install: pip install tensorboard
"""

import argparse
from pathlib import Path

import keras
import keras_rs

import tfrec


def main(csv: Path | None, out: Path, epochs: int, users: int) -> None:
    """Run the example."""
    out.mkdir(parents=True, exist_ok=True)
    if csv is None:
        csv = out / "interactions.csv"
        tfrec.data.generate_world(num_users=users, num_items=200).to_pandas().to_csv(csv, index=False)

    # 1. Read the table. Columns with well-known names are found; the report counts every dropped row.
    table = tfrec.data.read(csv)
    print(table.report)

    # 2. Use the last item of each user as the test item, and the one before it as the validation item.
    train, valid, test = table.split(tfrec.data.LeaveLastOut())
    spec = tfrec.data.FeatureSpec.fit(train, max_length=50)

    # 3. Train with Keras' fit. The loss gets query vectors and the item table; metrics rank the whole catalogue.
    keras.utils.set_random_seed(0)
    model = tfrec.models.SASRec(spec.num_items, max_length=50, hidden_dim=64, num_blocks=2, dropout=0.2)
    model.compile(
        optimizer=keras.optimizers.Adam(2e-3),
        loss=tfrec.losses.FullSoftmax(),
        metrics=[keras_rs.metrics.NDCG(k=10, name="ndcg@10")],
        jit_compile=False,
    )
    stop = keras.callbacks.EarlyStopping("val_ndcg@10", mode="max", patience=3, restore_best_weights=True)
    model.fit(
        tfrec.data.sequences(train, spec, batch_size=32, group_by_length=True),
        validation_data=tfrec.data.sequences(valid, spec, batch_size=128),
        epochs=epochs,
        shuffle=False,  # the dataset shuffles itself
        callbacks=[stop, keras.callbacks.TensorBoard(out / "logs")],
        verbose=2,
    )

    # 4. Rank the catalogue for the test items, and compare with two baselines.
    scorers = [tfrec.evaluation.Popularity(spec), tfrec.evaluation.ItemToItem(train, spec), model]
    reports = [tfrec.evaluation.evaluate(scorer, spec, test) for scorer in scorers]
    print(tfrec.evaluation.comparison(reports))

    # 5. Save the model with its vocabulary, and load it again.
    tfrec.presets.save(model, spec, out / "preset", metrics={"test": reports[-1].to_json()})
    preset = tfrec.presets.load(out / "preset")

    # 6. Recommend with raw ids, oldest item first.
    history = train.to_pandas()["item"].head(3).tolist()
    ids, scores = preset.recommend([history], k=5)
    print("history ", history)
    for item, score in zip(ids[0], scores[0], strict=True):
        print(f"{item:>8}  {score:.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("csv", nargs="?", type=Path, help="a table with users, items and times")
    parser.add_argument("--out", type=Path, default=Path("runs/sequential_from_csv"))
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--users", type=int, default=2000, help="of the generated csv")
    main(**vars(parser.parse_args()))
