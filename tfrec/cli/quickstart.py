"""`tfrec quickstart`: train, evaluate, export and serve a model on generated data."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from tfrec.cli.option_types import path, whole
from tfrec.pictures import NEEDS_MATPLOTLIB
from tfrec.terminal import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument(
        "--out", type=path, default="quickstart", metavar="DIR", help="folder for all output (quickstart)"
    )
    parser.add_argument("--users", type=whole(most=10**7), default=3000, metavar="N", help="number of users (3000)")
    parser.add_argument("--epochs", type=whole(), default=25, metavar="N", help="maximum number of epochs (25)")
    parser.add_argument(
        "--seed", type=whole(0, 2**32 - 1), default=0, metavar="N", help="seed of the data and of the training (0)"
    )


def run(options: argparse.Namespace) -> None:
    """Generate data, train, evaluate, save, export, and query the export in a separate process."""
    from tfrec import presets, runner, serving
    from tfrec.data import generate_world
    from tfrec.training import Recipe

    began = time.perf_counter()
    out = Path(options.out)
    preset_folder = presets.check_target(out / "preset")
    say("1. Generate data: viewers with changing tastes, films with sequels, a long tail of rare films")
    table = generate_world(num_users=options.users, seed=options.seed)
    say(f"{table.report}\n\n2. Train SASRec, then rank the whole catalogue to find each user's last film")
    recipe = Recipe(
        max_length=40,
        model={"class": "SASRec", "hidden_dim": 64, "num_blocks": 2, "dropout": 0.2},
        optimizer={"class": "Adam", "learning_rate": 2e-3},
        schedule="constant",
        batch_size=64,
        epochs=options.epochs,
        patience=4,
        seed=options.seed,
    )
    runner.run(table, recipe, preset_folder)
    preset = presets.load(preset_folder)
    curve = preset_folder / "learning_curve.png"
    if curve.exists():
        (out / curve.name).write_bytes(curve.read_bytes())

    say("\n3. Export, and verify that the export answers like the model")
    version = serving.export(preset, out / "served" / "films")
    say(f"{version}\n\n4. Query the export in a process without tfrec and keras")
    films = table.items
    history = _a_history(table)
    answer = serving.replay(version, [serving.Call("serving_default", {"history": [history]})])[0]
    say("history      " + "\n             ".join(films["title"].get(item) for item in history))
    rows = zip(answer["item_ids"][0][:5], answer["scores"][0][:5], strict=True)
    say("recommended  " + "\n             ".join(f"{films['title'].get(item)}  ({score:.2f})" for item, score in rows))

    say(f"\n5. Serve it\n{serving.how_to_serve(version, history)}")
    where = out / curve.name if curve.exists() else f"not drawn. {NEEDS_MATPLOTLIB}"
    say(f"\nDone in {time.perf_counter() - began:.0f} s. Learning curve: {where}")


def _a_history(table: object, length: int = 5) -> list[str]:
    """The first user's newest items, without the test item."""
    start, end = (bounds[0] for bounds in table.user_bounds)
    return table.item_ids[table.item_codes[start:end]][-length - 1 : -1].tolist()
