"""The protocol of every index of benchmarks/serving.py: build, then run queries on commands from stdin.

An index is a process: `python SCRIPT FOLDER SIDE`. FOLDER holds items.npy (V, D), queries.npy and tune.npy (N, D)
float32, and best.npy (N, K), the K best items for the tuning queries. After building, the process prints one JSON
object that describes the index. Then it reads one JSON object per line and answers each: {"answers": PATH} writes the
items that it finds for all queries; {"batch": B, "seconds": S, "first": Q} runs batches of B queries, from query Q on,
for S seconds or five calls, and returns the milliseconds of each. Lines of the protocol begin with "@", because
libraries also print to stdout.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

K = 100


class Data:
    """The files of a folder, mapped into memory."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def __getattr__(self, name):
        return np.load(self.folder / f"{name}.npy", mmap_mode="r")


def recall(found, best):
    """The share of the best items that were found; each row is a query."""
    return float(np.mean([len(np.intersect1d(left, right)) for left, right in zip(found, best, strict=True)]) / K)


def smallest(values, reaches):
    """The smallest of ascending values that reaches the recall, by bisection; the largest if none reaches it."""
    low, high = 0, len(values) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if reaches(values[middle]) else (middle + 1, high)
    return values[low]


def geometric(most, step=1.08):
    """1, 2, 3 ... most, each about `step` times the one before."""
    values = [1]
    while values[-1] < most:
        values.append(min(most, max(values[-1] + 1, int(values[-1] * step))))
    return values


def take_turns(data, search, built):
    """Answer the driver until it closes the pipe. `search`: (B, D) float32 -> (B, K) items."""
    queries = np.array(data.queries)
    say(built)
    for line in sys.stdin:
        command = json.loads(line)
        if "answers" in command:
            found = [search(queries[start : start + 32]) for start in range(0, len(queries), 32)]
            np.save(command["answers"], np.concatenate(found))
            say({})
            continue
        took, at, began = [], command["first"], time.perf_counter()
        while len(took) < 6 or time.perf_counter() - began < command["seconds"]:
            at = at if at + command["batch"] <= len(queries) else 0
            batch = queries[at : at + command["batch"]]
            at += command["batch"]
            start = time.perf_counter()
            search(batch)
            took.append(1e3 * (time.perf_counter() - start))
        say({"ms": took[1:]})  # the first wakes what slept


def say(content):
    print("@" + json.dumps(content), flush=True)
