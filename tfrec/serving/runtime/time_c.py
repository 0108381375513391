"""Time calls in the C API on one thread: `python -I time_c.py JOB ANSWERS`; JOB as in `replay_c.py`, with "repeat".

ANSWERS becomes the list of the seconds of all calls in order, after one round that is not measured.
"""

import sys
import time
from pathlib import Path

for name in ("tensorflow", "keras", "tf_keras", "tfrec"):
    sys.modules[name] = None  # any import of them now fails
sys.path.insert(0, str(Path(__file__).parent))

import job  # noqa: E402
from c_session import Session  # noqa: E402


def main(job_file: str, answers: str) -> None:
    """Run all calls `repeat` times."""
    task, took = job.read(job_file), []
    session = Session(task["tensorflow"], task["export"], task["signatures"], task["libraries"], task["threads"])
    calls = [
        (one["signature"], {name: job.as_bytes(rows) for name, rows in one["inputs"].items()}) for one in task["calls"]
    ]
    for turn in range(task["repeat"] + 1):
        for signature, inputs in calls:
            began = time.perf_counter()
            session.ask(signature, inputs)
            if turn:
                took.append(time.perf_counter() - began)
    job.write_plain(answers, took)


if __name__ == "__main__":
    main(*sys.argv[1:])
