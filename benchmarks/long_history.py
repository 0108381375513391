"""Time and memory of a training step per position as histories grow, for each attention of the zoo.

    python benchmarks/long_history.py      writes benchmarks/results/long_history.json and long_history.md

Run it while nothing else runs; it takes about five minutes on two cores. It measures one `SelfAttentionBlock` with
width 64, one head, no dropout, in float32: the forward pass, and the gradients of all weights and of the input. All
batches have 8192 positions, so a linear cost is constant in the table. Each cell is measured in its own process, after
the graph and the weights were created and called on a short history: the median time of ten steps, and their peak
resident memory minus the resident memory before them. Linux only: it resets the kernel's peak counter (VmHWM).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ATTENTIONS = {
    "softmax": {"class": "SoftmaxAttention"},
    "block-sparse": {"class": "BlockSparseAttention"},
    "segment recurrence": {"class": "SegmentRecurrentAttention"},
    "linear": {"class": "LinearAttention"},
}
LENGTHS = (256, 1024, 4096, 8192)
POSITIONS, WIDTH, STEPS = 8192, 64, 10
# What the C library returns to the system and faults in again would drown the difference; docs/architecture.md.
ALLOCATOR = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "17179869184",
    "MALLOC_TOP_PAD_": "268435456",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


def resident(field):
    """VmRSS, the resident memory now, or VmHWM, its peak, in MiB."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field)]
    return int(line.split()[1]) / 1024


def measure(attention, length, positions, steps):
    """One cell: milliseconds per step, and MiB above the memory before."""
    import numpy as np
    import tensorflow as tf

    from tfrec import layers

    arguments = dict(ATTENTIONS[attention])
    block = layers.SelfAttentionBlock(getattr(layers, arguments.pop("class"))(**arguments))
    block.build((None, None, WIDTH), (None, None))

    @tf.function(input_signature=[tf.TensorSpec((None, None, WIDTH)), tf.TensorSpec((None, None), tf.bool)])
    def step(x, mask):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_mean(tf.square(block(x, mask, training=True)))
        return tape.gradient(loss, [x, *(weight.value for weight in block.trainable_weights)])

    def batch(rows, length):
        x = np.random.default_rng(0).normal(size=(rows, length, WIDTH)).astype("float32")
        return tf.constant(x), tf.ones((rows, length), tf.bool)

    step(*batch(1, 16))
    inputs = batch(positions // length, length)
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # resets VmHWM
    seconds = []
    for _ in range(steps + 1):
        began = time.perf_counter()
        step(*inputs)[0].numpy()
        seconds.append(time.perf_counter() - began)
    return {
        "milliseconds": round(1000 * statistics.median(seconds[1:]), 1),
        "mebibytes": round(resident("VmHWM") - before, 1),
    }


def in_a_process(*cell):
    command = [sys.executable, __file__, "--cell", json.dumps(cell)]
    done = subprocess.run(command, env={**os.environ, **ALLOCATOR}, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def table(cells, positions):
    """The results in Markdown: per position, and their growth from the shortest to the longest history."""
    lengths = sorted({cell["length"] for cell in cells})
    lines = []
    for title, field, factor in (
        ("Time of a step, microseconds a position", "milliseconds", 1000),
        ("Peak memory of a step, KiB a position", "mebibytes", 1024),
    ):
        head = [title, *(f"L = {length}" for length in lengths), "growth"]
        lines += ["", f"| {' | '.join(head)} |", f"|---{'|---:' * (len(lengths) + 1)}|"]
        for attention in dict.fromkeys(cell["attention"] for cell in cells):
            row = {cell["length"]: cell[field] * factor / positions for cell in cells if cell["attention"] == attention}
            numbers = [f"{row[length]:.1f}" for length in lengths]
            growth = row[lengths[-1]] / max(row[lengths[0]], 1e-9)
            lines.append(f"| {' | '.join([attention, *numbers, f'{growth:.1f} x'])} |")
    return "\n".join(lines[1:]) + "\n"


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS)
    parser.add_argument("--attentions", nargs="+", choices=ATTENTIONS, default=list(ATTENTIONS))
    parser.add_argument("--positions", type=int, default=POSITIONS, help="in a batch")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--cell", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.cell:
        print(json.dumps(measure(*options.cell)))
        return
    from tfrec import environment

    cells = []
    for attention in options.attentions:
        for length in options.lengths:
            measured = in_a_process(attention, length, options.positions, options.steps)
            cells.append({"attention": attention, "length": length, **measured})
            print(cells[-1], flush=True)
    results = {
        "positions": options.positions,
        "width": WIDTH,
        "steps": options.steps,
        "attentions": ATTENTIONS,
        "cells": cells,
        "machine": environment.machine(),
        "versions": environment.versions(),
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "long_history.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    text = table(cells, options.positions)
    print(text)
    message = (
        f"`python benchmarks/long_history.py`, {options.positions} positions a batch, {results['machine']}.\n\n{text}"
    )
    (options.out / "long_history.md").write_text(message, encoding="utf-8")


if __name__ == "__main__":
    main()
