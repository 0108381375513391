"""The time from a million interactions to the first batch, and the input pipeline's share of a training step.

    python benchmarks/data_path.py            writes benchmarks/results/data_path.json

Run it while nothing else runs. The table is generated. The model is SASRec with width 64, 2 blocks, length 200 and full
softmax.
"""

import json
import statistics
import time
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from tfrec import data, environment, losses, models

ROWS, USERS, ITEMS, STEPS = 1_000_000, 6_000, 3_500, 20


def main():
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "user": random.integers(0, USERS, ROWS),
            "item": np.minimum(random.zipf(1.2, ROWS), ITEMS),
            "time": random.integers(1_000_000_000, 1_100_000_000, ROWS),
        }
    )
    import tensorflow  # noqa: F401  (importing it is not the data path)

    began = time.perf_counter()
    table = data.Interactions.from_pandas(frame, user="user", item="item", time="time")
    train, _, _ = table.split(data.LeaveLastOut())
    spec = data.FeatureSpec.fit(train, max_length=200)
    next(iter(data.sequences(train, spec, batch_size=128)))
    first_batch = time.perf_counter() - began

    results = {"rows": ROWS, "seconds_to_first_batch": round(first_batch, 2)}
    for grouped in (False, True):
        batches = data.sequences(train, spec, batch_size=128, group_by_length=grouped)
        list(batches.take(2))
        began = time.perf_counter()
        count = sum(1 for _ in batches)
        pipeline = (time.perf_counter() - began) / count

        model = models.SASRec(spec.num_items, max_length=200, hidden_dim=64)
        model.compile(keras.optimizers.Adam(1e-3), losses.FullSoftmax(), jit_compile=False)
        fixed = [next(iter(batches))] * STEPS
        times = []
        for inputs, targets, weights in fixed:
            began = time.perf_counter()
            model.train_on_batch(inputs, targets, sample_weight=weights)
            times.append(time.perf_counter() - began)
        step = statistics.median(times[2:])
        results["grouped" if grouped else "padded"] = {
            "pipeline_ms_a_batch": round(1000 * pipeline, 2),
            "step_ms": round(1000 * step, 1),
            "pipeline_share_of_step": round(pipeline / step, 4),
        }
    results |= {"machine": environment.machine(), "versions": environment.versions()}
    print(json.dumps(results, indent=2))
    out = Path(__file__).parent / "results" / "data_path.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
