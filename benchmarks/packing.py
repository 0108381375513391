"""Tokens per second, without padding, while SASRec trains: padded, grouped by length, and in other libraries.

    python benchmarks/packing.py [--replay PYTHON] [--rectools PYTHON] [--recbole PYTHON] [--data ../shared/data]

writes benchmarks/results/packing.json. Run it while nothing else runs; it takes a quarter of an hour with all three
libraries. Each PYTHON is the interpreter of an environment with that library; the scripts that run there are in
benchmarks/peers/.

Every library trains on the newest items of the same users with the same sizes: width 64, 2 blocks, 1 head, dropout 0.2,
batches of 128 users (or the same number of positions, if rows are grouped), full softmax, Adam, float32. The allocator
settings below are also the same: without them, libraries that return memory to the system would look slower than they
are. Each measurement is a process: it warms up on some users, then times an epoch over others. The libraries take
turns, `ROUNDS` times, and the median is reported.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROUNDS = 2
SIZES = {"hidden_dim": 64, "num_blocks": 2, "num_heads": 1, "dropout": 0.2, "batch_size": 128}
# name -> folder, length, users that are timed: so many that what is left of a group at the end weighs little
DATA = {"ml-1m": ("ml-1m", 200, 640), "beauty": ("amazon-beauty", 50, 5120)}
ALLOCATOR = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "17179869184",
    "MALLOC_TOP_PAD_": "268435456",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
OURS = ("keras padded", "tfrec padded", "tfrec grouped")
PEERS = {"replay": ("replay", "replay bucketed"), "rectools": ("rectools",), "recbole": ("recbole",)}  # their sides


def sequences_of(folder: Path) -> list[list[int]]:
    """The users' items in time order, without each user's last two, as integers from 1."""
    users: dict[str, list[int]] = {}
    for line in (folder / "sequences.txt").read_text().splitlines():
        user, *items = line.split()
        users.setdefault(user, []).extend(map(int, items))
    return [items[:-2] for items in users.values() if len(items) >= 4]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--only", nargs="*", choices=list(DATA), default=list(DATA))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    for peer in PEERS:
        parser.add_argument(f"--{peer}", help=f"python of an environment with {peer}")
    options = parser.parse_args()
    sides = {side: (sys.executable, "ours.py") for side in OURS}
    sides |= {
        side: (getattr(options, peer), f"{peer}_sasrec.py")
        for peer, of_peer in PEERS.items()
        for side in of_peer
        if getattr(options, peer)
    }

    results: dict = {}
    for name in options.only:
        folder, length, users = DATA[name]
        rows = sequences_of(options.data / folder)
        job = {**SIZES, "max_length": length, "num_items": max(map(max, rows)), "users": users}
        path = Path(f"/tmp/tfrec_packing_{name}.json")
        # Users in an order that has nothing to do with their length.
        path.write_text(json.dumps({**job, "rows": [rows[i * 7919 % len(rows)] for i in range(len(rows))]}))
        runs: dict[str, list] = {side: [] for side in sides}
        for turn in range(options.rounds):
            for side, (python, script) in sides.items():
                runs[side].append(run(python, script, side, path))
                print(name, turn, side, runs[side][-1], flush=True)
        results[name] = {"length": length, "users": users, **summary(runs)}
    from tfrec import environment

    results |= {"machine": environment.machine(), "versions": environment.versions(), "sizes": SIZES}
    out = Path(__file__).parent / "results" / "packing.json"
    out.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    for name in options.only:
        for side, row in results[name]["sides"].items():
            print(
                f"{name:8} {side:14} {row['tokens_per_second']:>10,.0f} real tokens/s  {row['times_keras_padded']:.2f}x"
            )


def run(python: str, script: str, side: str, path: Path) -> dict:
    """One measurement: {"tokens": real targets of the timed epoch, "seconds": its time, "version": of the library}."""
    done = subprocess.run(
        [python, str(Path(__file__).parent / "peers" / script), str(path), side],
        env={**os.environ, **ALLOCATOR, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{side} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def summary(runs: dict[str, list]) -> dict:
    rates = {side: [run["tokens"] / run["seconds"] for run in of_side] for side, of_side in runs.items()}
    base = statistics.median(rates["keras padded"])
    return {
        "sides": {
            side: {
                "tokens_per_second": round(statistics.median(values)),
                "each_round": [round(value) for value in values],
                "times_keras_padded": round(statistics.median(values) / base, 2),
                "tokens": runs[side][0]["tokens"],
                "version": runs[side][0]["version"],
            }
            for side, values in rates.items()
        }
    }


if __name__ == "__main__":
    main()
