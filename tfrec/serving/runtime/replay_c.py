"""Run calls through the C API, without Python's TensorFlow: `python -I replay_c.py JOB ANSWERS`.

JOB and ANSWERS are as in `replay_tensorflow.py`. JOB also has "tensorflow", the folder of the package whose shared
libraries are loaded, and "signatures", the tensors of the signatures. This file is run by its path.
"""

import sys
from pathlib import Path

for name in ("tensorflow", "keras", "tf_keras", "tfrec"):
    sys.modules[name] = None  # any import of them now fails
sys.path.insert(0, str(Path(__file__).parent))

import job  # noqa: E402
from c_session import Session  # noqa: E402


def main(job_file: str, answers: str) -> None:
    """Run all calls."""
    task, found = job.read(job_file), []
    session = Session(task["tensorflow"], task["export"], task["signatures"], task["libraries"])
    for call in task["calls"]:
        inputs = {name: job.as_bytes(rows) for name, rows in call["inputs"].items()}
        found.append(session.ask(call["signature"], inputs))
    job.write(answers, found)


if __name__ == "__main__":
    main(*sys.argv[1:])
