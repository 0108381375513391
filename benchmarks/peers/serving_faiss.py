"""Run by benchmarks/serving.py: faiss-cpu.

`faiss flat`: IndexFlatIP. `faiss ivf`: IndexIVFFlat over about 4 sqrt(V) lists by inner product, with the smallest
number of lists that are read (nprobe) that reaches the recall for the tuning queries.
"""

import os
import sys
import time

import faiss
import numpy as np
from serving_turns import Data, K, geometric, recall, smallest, take_turns


def main(folder, side, wanted):
    faiss.omp_set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    data, began = Data(folder), time.perf_counter()
    items = np.array(data.items)
    width, how = items.shape[1], {}
    if side == "faiss flat":
        index = faiss.IndexFlatIP(width)
    else:
        lists = 2 ** round(np.log2(4 * np.sqrt(len(items))))
        index = faiss.IndexIVFFlat(faiss.IndexFlatIP(width), width, lists, faiss.METRIC_INNER_PRODUCT)
        index.cp.max_points_per_centroid = 64  # of 256: half a minute in place of two, for as good lists
        index.train(items)
    index.add(items)
    how["build_seconds"] = round(time.perf_counter() - began, 1)
    if side != "faiss flat":
        tune, best = np.array(data.tune), np.array(data.best)

        def reaches(probes):
            index.nprobe = probes
            return recall(index.search(tune, K)[1], best) >= wanted

        index.nprobe = smallest(geometric(lists), reaches)
        how |= {"lists": lists, "probes": index.nprobe}
    how["version"] = f"faiss-cpu {faiss.__version__}"
    take_turns(data, lambda queries: index.search(queries, K)[1], how)


if __name__ == "__main__":
    main(*sys.argv[1:3], float(sys.argv[3]))
