"""Find the K best items of a large catalogue: time and recall of each index, compared with ScaNN and faiss.

    python benchmarks/serving.py [--ann PYTHON] [--items 1000000] [--only catalogue zoo preset]

writes benchmarks/results/serving.json and serving.md. Run it while nothing else runs; it takes about twelve minutes.
PYTHON is the interpreter of an environment with scann, faiss-cpu and tensorflow-recommenders (benchmarks/README.md).

The best 100 items by inner product are searched in two sets of vectors of width 64. `catalogue` has 1,000,000
normalised items around 2,000 Gaussian centres with Zipf-1.3 sizes and standard deviation 0.7, and queries of the same
distribution. `zoo` has the item vectors of sasrec_beauty, and its queries for random histories. Approximate indexes are
tuned to a recall of `TUNED` on 512 queries. Time and recall in the table are measured on other queries.

Each index is a process (peers/serving_*.py) with two threads and the allocator settings of packing.py. All indexes are
built first, then they take turns of a second, `ROUNDS` times, for each batch size. Ours run as SavedModels in the C
runtime, which a server uses too; ScaNN and faiss run through their Python bindings, the fastest way to call them. The
time of reading the table once is that of tf.reduce_sum or tf.reduce_max over the variable in the same runtime,
whichever is faster. TensorFlow multiplies with oneDNN or Eigen. It uses oneDNN by default on processors with
AVX512-VNNI or newer, and with TF_ENABLE_ONEDNN_OPTS=1. Ours are measured with both; "/ oneDNN" marks oneDNN.

`preset`: exported models of the zoo in the C runtime with one thread: 300 random histories one by one, three times,
including string lookups, encoder and search.

On a shared machine, `--building CMD` and `--timing CMD` are commands that hold a lock while they run another command.
"""

import argparse
import collections
import contextlib
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
PEERS = Path(__file__).parent / "peers"
sys.path[:0] = [str(ROOT), str(PEERS.parent), str(PEERS)]

from packing import ALLOCATOR  # noqa: E402
from serving_turns import recall  # noqa: E402

ROUNDS, BATCHES, SECONDS = 3, (1, 32), 1.0
WANTED, TUNED = 0.95, 0.955
ONEDNN = " / oneDNN"
OURS = ("read sum", "read max", "exact rows", "exact", "ivf", "int8")
OURS += tuple(side + ONEDNN for side in OURS if side != "int8")
PARTS = ("catalogue", "zoo", "preset")
PRESETS = ("sasrec_ml1m", "hstu_ml1m")
ANN = {
    "scann brute": "serving_scann.py",
    "scann tree": "serving_scann.py",
    "tfrs brute": "serving_scann.py",
    "faiss flat": "serving_faiss.py",
    "faiss ivf": "serving_faiss.py",
}
ENVIRONMENT = {**os.environ, **ALLOCATOR, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"}


class Side:
    """The process of an index, which is called in turns; see peers/serving_turns.py."""

    def __init__(self, python, script, *arguments, onednn=False):
        command = [python, str(PEERS / script), *map(str, arguments)]
        self.message = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the process
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self.message}
        self.process = subprocess.Popen(
            command, env={**ENVIRONMENT, "TF_ENABLE_ONEDNN_OPTS": str(int(onednn))}, text=True, **pipes
        )
        self.name, self.built = " ".join(map(str, arguments[1:])), self.listen()

    def ask(self, **what):
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        return self.listen()

    def listen(self):
        for line in self.process.stdout:
            if line.startswith("@"):
                return json.loads(line[1:])
        self.message.seek(0)
        raise SystemExit(f"{self.process.args} failed:\n{self.message.read()[-4000:]}")

    def end(self):
        self.process.stdin.close()
        self.process.wait()


@contextlib.contextmanager
def under(command):
    """Hold the lock of `command` inside the block: the command gets another command that runs until the block ends."""
    if not command:
        yield
        return
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([*shlex.split(command), "sh", "-c", "echo; cat"], **pipes) as process:
        process.stdout.readline()
        yield
        process.stdin.close()


def catalogue(folder, items, width=64, centres=2_000, queries=2_560):
    """Vectors that are distributed like those of real catalogues."""
    random = np.random.default_rng(0)
    means = random.standard_normal((centres, width), dtype=np.float32)
    share = np.arange(1, centres + 1) ** -1.3
    for name, number in (("items", items), ("tune", 512), ("queries", queries)):
        of = random.choice(centres, number, p=share / share.sum())
        vectors = means[of] + np.float32(0.7) * random.standard_normal((number, width), dtype=np.float32)
        np.save(folder / f"{name}.npy", vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def compare(folder, options):
    """All indexes on the vectors of a folder."""
    ann, sides = options.ann, {}
    found, times = {}, collections.defaultdict(lambda: {batch: [] for batch in BATCHES})
    try:
        with under(options.building):
            done = Side(sys.executable, "serving_tfrec.py", folder, "build", TUNED)
            built = done.built
            done.end()
            for name in OURS:
                own = name.removesuffix(ONEDNN)
                sides[name] = Side(sys.executable, "serving_tfrec.py", folder, own, onednn=own != name)
            for name, script in ANN.items() if ann else ():
                sides[name] = Side(ann, script, folder, name, TUNED)
            for name, side in sides.items():
                built[name] = {**built.get(name.removesuffix(ONEDNN), {}), **side.built}
                print(f"  {name}: {built[name]}", flush=True)
                if not name.startswith("read"):
                    side.ask(answers=str(folder / "found.npy"))
                    found[name] = np.load(folder / "found.npy")
        with under(options.timing):
            for turn in range(options.rounds):
                for batch in BATCHES:
                    for name, side in sides.items():
                        times[name][batch].append(side.ask(batch=batch, seconds=SECONDS, first=turn * 640)["ms"])
    finally:
        for side in sides.values():
            side.end()
    items = np.load(folder / "items.npy", mmap_mode="r")
    rows = {}
    for name in sides:
        rows[name] = {} if name.startswith("read") else {"recall": round(recall(found[name], found["exact"]), 4)}
        for batch in BATCHES:
            pooled = [ms for turn in times[name][batch] for ms in turn]
            rows[name][f"batch_{batch}"] = {
                "median_ms": round(statistics.median(pooled), 3),
                "p99_ms": round(float(np.quantile(pooled, 0.99)), 3),
                "each_round": [round(statistics.median(turn), 3) for turn in times[name][batch]],
                "calls": len(pooled),
            }
        tuned = built[name].get("recall")  # on the queries that it was tuned by; the table has that of the others
        rows[name] = {**built[name], **({} if tuned is None else {"tuned_recall": tuned}), **rows[name]}
    return {"items": len(items), "width": items.shape[1], "k": 100, "sides": rows}


def preset(folder, options):
    """Exported models, one history at a time on one thread."""
    from tfrec import presets, serving
    from tfrec.serving.runtime import Call, time_calls
    from tfrec.serving.verify.samples import sample_timestamps

    versions, calls, results = {}, {}, {}
    for name in PRESETS:
        with under(options.building):
            loaded = presets.load(name)
            versions[name] = serving.export(loaded, folder / name)
        random, items = np.random.default_rng(0), loaded.spec.items.tokens
        share = loaded.spec.item_counts / loaded.spec.item_counts.sum()
        lengths = random.integers(1, loaded.spec.max_length + 1, 300)
        rows = [random.choice(items, length, p=share).tolist() for length in lengths]
        inputs = [{"history": [row]} for row in rows]
        if "timestamps" in loaded.model.input_names:
            inputs = [one | {"timestamps": [stamps]} for one, stamps in zip(inputs, sample_timestamps([rows])[0])]  # noqa: B905
        calls[name] = [Call("serving_default", one) for one in inputs]
    os.environ.update(ALLOCATOR)
    with under(options.timing):
        for name in PRESETS:
            for label, switch in (("", "0"), (ONEDNN, "1")):
                os.environ["TF_ENABLE_ONEDNN_OPTS"] = switch
                took = 1e3 * np.array(time_calls(versions[name], calls[name], 3))
                median, p99 = float(np.median(took)), float(np.quantile(took, 0.99))
                results[name + label] = {"median_ms": round(median, 3), "p99_ms": round(p99, 3), "calls": len(took)}
    return results


def goals(results):
    """(goal, measured value, whether it was reached)."""
    found = []
    for name in ("catalogue", "zoo"):
        if name not in results:
            continue
        sides = results[name]["sides"]

        def ms(side, batch, sides=sides):
            return sides[side][f"batch_{batch}"]["median_ms"]

        def goal(what, ratio, limit, name=name, low=False):
            reached = ratio >= limit if low else ratio <= limit
            found.append((f"{name}: {what}", f"{ratio:.2f} times", reached))

        for label in ("", ONEDNN):
            exact, ivf = f"exact{label}", f"ivf{label}"
            read = min(ms(f"read sum{label}", 1), ms(f"read max{label}", 1))
            goal(f"{exact}, batch 1, at most 1.25 times reading the table once", ms(exact, 1) / read, 1.25)
            for peer in ("scann brute", "faiss flat"):
                if peer in sides:
                    goal(f"{exact}, batch 32, no slower than {peer}", ms(exact, 32) / ms(peer, 32), 1.0)
            recalled = sides[ivf]["recall"]
            found.append((f"{name}: {ivf}, recall@100 of at least {WANTED}", f"{recalled:.3f}", recalled >= WANTED))
            for batch in BATCHES:
                text = f"{ivf}, batch {batch}"
                goal(f"{text}, at least 10 times as fast as {exact}", ms(exact, batch) / ms(ivf, batch), 10, low=True)
                if "faiss ivf" in sides:
                    peer = f"faiss ivf (recall {sides['faiss ivf']['recall']:.3f})"
                    goal(f"{text}, at most 2 times {peer}", ms(ivf, batch) / ms("faiss ivf", batch), 2)
    for name, one in results.get("preset", {}).items():
        median, ratio = one["median_ms"], one["p99_ms"] / one["median_ms"]
        found.append((f"exported {name}, batch 1, median under 5 ms", f"{median:.2f} ms", median < 5))
        found.append((f"exported {name}, p99 under 3 times the median", f"{ratio:.2f} times", ratio < 3))
    return found


def table(results):
    """The page of results."""
    lines = [
        "# Finding the top 100",
        "",
        "Written by `python benchmarks/serving.py`, whose docstring describes the measurements.",
        "",
    ]
    versions = [f"tensorflow {results['versions']['tensorflow']}"]
    for side in next((results[name]["sides"] for name in ("catalogue", "zoo") if name in results), {}).values():
        versions += [side["version"]] if side.get("version") not in (None, *versions) else []
    lines += [f"{results['machine']}; two threads; {', '.join(versions)}; {results['seconds']} seconds.", ""]
    for name in ("catalogue", "zoo"):
        if name not in results:
            continue
        one = results[name]
        lines += [f"## {name}: {one['items']:,} items of width {one['width']}", ""]
        lines += [one["note"], ""] if "note" in one else []
        lines += [
            "| side | recall@100 | batch 1, median ms | p99 | batch 32, median ms | p99 |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
        for side, row in one["sides"].items():
            cells = [f"{row[f'batch_{batch}'][key]:.2f}" for batch in BATCHES for key in ("median_ms", "p99_ms")]
            lines.append(f"| {side} | {row.get('recall', '')} | {' | '.join(cells)} |")
        lines.append("")
    if "preset" in results:
        lines += ["## Exported models, one history at a time, one thread", "", "| preset | median ms | p99 |"]
        lines += ["| --- | --- | --- |"]
        for name, one in results["preset"].items():
            lines.append(f"| {name} | {one['median_ms']:.2f} | {one['p99_ms']:.2f} |")
        lines.append("")
    lines += ["## Goals", "", "| goal | measured | reached |", "| --- | --- | --- |"]
    lines += [f"| {what} | {seen} | {'yes' if reached else 'no'} |" for what, seen, reached in goals(results)]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ann", help="python of an environment with scann, faiss-cpu and tensorflow-recommenders")
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--building", help="a command that runs another under a lock of the machine that is shared")
    parser.add_argument("--timing", help="likewise, under one that is not")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    began, path = time.perf_counter(), options.out / "serving.json"
    # A part that is not measured again keeps its results: only results of the same part are compared.
    results = json.loads(path.read_text()) if path.exists() and len(options.only) < len(PARTS) else {}
    with tempfile.TemporaryDirectory() as temporary:
        for name in options.only:
            print(name, flush=True)
            folder = Path(temporary) / name
            folder.mkdir()
            if name == "preset":
                results[name] = preset(folder, options)
                continue
            if name == "catalogue":
                catalogue(folder, options.items)
            else:
                Side(sys.executable, "serving_tfrec.py", folder, "zoo", "sasrec_beauty").end()
            results[name] = compare(folder, options)
            print(json.dumps(results[name]), flush=True)  # what has been measured is not lost with what follows
    from tfrec import environment

    results |= {"machine": environment.machine(), "versions": environment.versions(), "threads": 2}
    results["seconds"] = results.get("seconds", 0) + round(time.perf_counter() - began)
    options.out.mkdir(exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (options.out / "serving.md").write_text(table(results), encoding="utf-8")
    print(table(results))


if __name__ == "__main__":
    main()
