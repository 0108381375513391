"""Peak memory and time of full softmax over 100,000 items: in chunks, and with all logits at once.

    python benchmarks/softmax_memory.py         writes benchmarks/results/softmax_memory.json, in three minutes

SASRec with width 64 and 2 blocks trains on 32 rows of 200 items, whose logits alone are 2.6 GB. Each measurement is a
process. Its memory is the peak reported by the system, which includes half a gigabyte of TensorFlow itself.
"""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

ROWS, LENGTH, ITEMS, WIDTH, STEPS = 32, 200, 100_000, 64, 4


def side(name: str) -> None:
    import keras
    import numpy as np
    from peers.ours import Logits

    from tfrec import losses, models

    ids = np.random.default_rng(0).integers(2, ITEMS + 2, (ROWS, LENGTH + 1)).astype("int32")
    model = models.SASRec(ITEMS, max_length=LENGTH, hidden_dim=WIDTH, seed=0)
    loss = losses.FullSoftmax()
    if name == "all at once":
        model = keras.Model(model.inputs, Logits(model.embedding.items)(model.output))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss, jit_compile=False)
    values, times = [], []
    for _ in range(STEPS):
        began = time.perf_counter()
        values.append(float(model.train_on_batch(ids[:, :-1], ids[:, 1:])))
        times.append(time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"peak_gib": round(peak, 2), "step_seconds": round(min(times[1:]), 2), "losses": values}))


def main() -> None:
    from tfrec import environment

    results: dict = {"rows": ROWS, "length": LENGTH, "items": ITEMS, "width": WIDTH}
    for name in ("in chunks", "all at once"):
        done = subprocess.run([sys.executable, __file__, name], capture_output=True, text=True)
        lines = done.stdout.strip().splitlines()
        results[name] = json.loads(lines[-1]) if done.returncode == 0 else {"failed": done.stderr[-300:] or "killed"}
        print(name, results[name], flush=True)
    results |= {"machine": environment.machine(), "versions": environment.versions()}
    out = Path(__file__).parent / "results" / "softmax_memory.json"
    out.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    side(sys.argv[1]) if len(sys.argv) > 1 else main()
