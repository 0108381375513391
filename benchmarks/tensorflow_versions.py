"""Exports written by one version of TensorFlow, loaded in the C runtime of another.

    make test TENSORFLOW=2.21    # sets up .venv-2.21; or any other environment with tfrec
    python benchmarks/tensorflow_versions.py --other .venv-2.21/bin/python

Each Python writes three exports of bundled presets: retrieval with the exact index, retrieval with the index ivf, and
two stages. Each Python then loads all of them in the C runtime of its TensorFlow, sends the calls that are recorded in
the export and compares the answers with the recorded ones, as `tfrec serve-check` does. The runtime is the shared
library that TensorFlow Serving of the same version is built from; the server's image itself is not run.

Results, with machine and versions: results/tensorflow_versions.json and results/tensorflow_versions.md.
"""

import argparse
import ctypes
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
KINDS = ("retrieval", "ivf", "two stages")


def write(folder, retrieval, ranking):
    """Write the three exports, one folder each; returns their descriptions."""
    import tensorflow as tf

    from tfrec import serving
    from tfrec.serving.files.saved_model import meta_graph, operations_of

    found = {}
    for kind in KINDS:
        if kind == "two stages":
            export = serving.export_two_stage(retrieval, ranking, folder / kind, candidates=50)
        else:
            export = serving.export(retrieval, folder / kind, index="ivf" if kind == "ivf" else "exact")
        versions = meta_graph(export).graph_def.versions
        found[kind] = {
            "export": str(export),
            "writer": tf.__version__,
            "operations": sorted(operations_of(export)),
            "producer": versions.producer,
            "min_consumer": versions.min_consumer,
        }
    return found


def load(export):
    """Load an export in the C runtime of this Python's TensorFlow, and replay its recorded calls."""
    from tfrec.serving.files import recorded_answers
    from tfrec.serving.runtime import ReplayError, replay
    from tfrec.serving.runtime.replay import job_of
    from tfrec.serving.verify.parity import ParityError, compare

    calls, expected = recorded_answers.read(export)
    library = ctypes.CDLL(str(Path(job_of(export)["tensorflow"]) / "libtensorflow_cc.so.2"))
    library.TF_Version.restype = ctypes.c_char_p
    found = {"runtime": library.TF_Version().decode(), "calls": len(calls)}
    found["rows"] = sum(len(next(iter(call.inputs.values()))) for call in calls)
    try:
        answers = replay(export, calls, "c")
        found["difference"] = float(max(map(compare, calls, expected, answers)))
    except (ReplayError, ParityError) as error:
        found["error"] = " ".join(str(error).split())
    return found


def table(results):
    """Markdown of the results."""
    lines = [
        "# Exports and versions of TensorFlow",
        "",
        f"`{results['retrieval']}`, followed by `{results['ranking']}` for two stages; {results['machine']}.",
        "Written by `benchmarks/tensorflow_versions.py`, whose docstring describes the measurement.",
        "",
        "| export | written by | loaded by the C runtime of | calls (rows) | answers |",
        "|---|---|---|---|---|",
    ]
    for one in results["loaded"]:
        seen = f"as recorded; largest difference {one['difference']:.1g}" if "difference" in one else one["error"]
        lines.append(
            f"| {one['kind']} | {one['writer']} | {one['runtime']} | {one['calls']} ({one['rows']}) | {seen} |"
        )
    lines += ["", "| export | written by | operations | only in this version's graph | graph version (oldest reader) |"]
    lines.append("|---|---|---|---|---|")
    for one in results["written"]:
        others = [two for two in results["written"] if two["kind"] == one["kind"] and two["writer"] != one["writer"]]
        own = sorted(set(one["operations"]).difference(*(two["operations"] for two in others)))
        lines.append(
            f"| {one['kind']} | {one['writer']} | {len(one['operations'])} | {', '.join(own) or 'none'} "
            f"| {one['producer']} ({one['min_consumer']}) |"
        )
    return "\n".join(lines) + "\n"


def in_process(python, *arguments):
    """Run a part of this file in a Python; returns what it found."""
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent), "TF_CPP_MIN_LOG_LEVEL": "3"}
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        line = [python, str(Path(__file__)), *map(str, arguments), "--answer", str(answer)]
        subprocess.run(line, env=environment, check=True)
        return json.loads(answer.read_text())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--other", help="the Python of an environment with another version of TensorFlow")
    parser.add_argument("--retrieval", default="sasrec_ml100k")
    parser.add_argument("--ranking", default="din_ml100k")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    for name in ("write", "load", "answer"):
        parser.add_argument(f"--{name}", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write or options.load:
        found = write(options.write, options.retrieval, options.ranking) if options.write else load(options.load)
        options.answer.write_text(json.dumps(found))
        return
    if not options.other:
        parser.error("--other is needed: the Python of an environment with another version of TensorFlow")
    from tfrec import environment

    names = ("--retrieval", options.retrieval, "--ranking", options.ranking)
    results = {"retrieval": options.retrieval, "ranking": options.ranking, "machine": environment.machine()}
    results |= {"versions": environment.versions(), "written": [], "loaded": []}
    pythons = (sys.executable, options.other)
    with tempfile.TemporaryDirectory() as folder:
        for number, python in enumerate(pythons):
            for kind, one in in_process(python, "--write", Path(folder) / str(number), *names).items():
                results["written"].append({"kind": kind, **one})
        for one in results["written"]:
            export = one.pop("export")
            for python in pythons:
                found = in_process(python, "--load", export)
                results["loaded"].append({"kind": one["kind"], "writer": one["writer"], **found})
                print(results["loaded"][-1], flush=True)
    (options.out / "tensorflow_versions.json").write_text(json.dumps(results, indent=1) + "\n")
    (options.out / "tensorflow_versions.md").write_text(table(results))
    print(table(results))


if __name__ == "__main__":
    main()
