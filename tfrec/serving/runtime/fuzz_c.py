"""Send random requests to an export through the C API: `python -I fuzz_c.py JOB ANSWERS`.

JOB is a JSON object: "export", "tensorflow", "libraries" and "signatures" as in `replay_c.py`; "vocabulary", the file
of the items; "mask_seen"; "number" of requests and the "seed". ANSWERS becomes one object: the counts, and "failure", a
sentence on the first wrong answer or null. This file is run by its path.
"""

import sys
from collections import Counter
from pathlib import Path

for name in ("tensorflow", "keras", "tf_keras", "tfrec"):
    sys.modules[name] = None  # any import of them now fails
sys.path.insert(0, str(Path(__file__).parent))

import job  # noqa: E402
import numpy as np  # noqa: E402
from c_session import RuntimeRefused, Session  # noqa: E402

LONGEST, MOST_IDS = 10_000, 20_000
FLOATS, STRINGS, INT64, INVALID_ARGUMENT = 1, 7, 9, 3


class Fuzzer:
    """Draws random requests and checks their answers."""

    def __init__(self, task: dict) -> None:
        self.random = np.random.default_rng(task["seed"])
        self.session = Session(task["tensorflow"], task["export"], task["signatures"], task["libraries"])
        self.signatures = task["signatures"]
        vocabulary = Path(task["vocabulary"])  # missing if the model has no item ids
        self.items = vocabulary.read_bytes().removesuffix(b"\n").split(b"\n") if vocabulary.is_file() else [b"7"]
        users = Path(task["users"])  # of a model that reads user ids
        self.users = users.read_bytes().removesuffix(b"\n").split(b"\n") if users.is_file() else self.items
        self.known = set(self.items)
        self.mask_seen = task["mask_seen"]
        self.names = sorted(self.signatures)

    def ids(self, rows: int, width: int, known: list[bytes] | None = None) -> np.ndarray:
        """Mostly known ids, and arbitrary bytes that a client may send."""
        count, random, known = rows * width, self.random, self.items if known is None else known
        found = np.array([known[i] for i in random.integers(0, len(known), count)] + [b""], object)[:count]
        for at in np.flatnonzero(random.random(count) < random.choice([0.0, 0.2, 1.0], p=[0.4, 0.4, 0.2])):
            kind = random.integers(0, 5)
            if kind == 0:
                found[at] = b""
            elif kind == 1:
                found[at] = random.bytes(int(random.integers(0, 40)))
            elif kind == 2:
                found[at] = found[at] + b"\x00"
            elif kind == 3:
                found[at] = "🎬日本".encode() * int(random.integers(1, 4))
            else:
                found[at] = b"x" * int(random.integers(0, 2000))
        return found.reshape(rows, width)

    def width(self, rows: int) -> int:
        """A width from 0 to 10,000; small ones are far more frequent."""
        most = min(LONGEST, MOST_IDS // max(rows, 1))
        return int(np.floor(np.exp(self.random.uniform(0, np.log(most + 1))))) - int(self.random.random() < 0.1)

    def numbers(self, shape: tuple[int, ...]) -> np.ndarray:
        """Random numbers with NaN, infinity and zero; in single columns also very large ones, which are clipped."""
        drawn = self.random.normal(0, 3, shape)
        kinds = [np.nan, np.inf, -np.inf, 0.0, *([1e30, -3e38] if len(shape) == 1 else [])]
        odd = self.random.random(shape) < 0.2
        drawn[odd] = self.random.choice(kinds, int(odd.sum()))
        return drawn.astype(np.float32)

    def free(self, shape: list, width: int) -> list[int]:
        """The axes after the batch axis, with `width` for free ones."""
        return [width if size < 0 else size for size in shape[1:]]

    def request(self) -> tuple[str, dict[str, np.ndarray], bool]:
        """A signature, its inputs, and whether their shapes are invalid."""
        random = self.random
        signature = str(random.choice(self.names))
        rows = int(random.choice([0, 1, 2, 8], p=[0.02, 0.68, 0.2, 0.1]))
        width, inputs = self.width(rows), {}
        signature_inputs = self.signatures[signature]["inputs"]
        # The input that sets B. With user ids, the history and what belongs to it may have one row for all.
        leads = next((name for name in ("user_id", "history", "item_ids") if name in signature_inputs), None)
        per_history = {"history", "timestamps", "history_labels"} & signature_inputs.keys()
        histories = 1 if leads == "user_id" and random.random() < 0.3 else rows
        for name, (_, dtype, shape) in signature_inputs.items():
            some = rows if name == leads or random.random() < 0.5 else 1  # other inputs may have one row for all
            if name in per_history:
                some = histories
            if name == "history":
                inputs[name] = self.ids(some, width)
            elif dtype == FLOATS:
                some = rows if leads is None else some
                inputs[name] = self.numbers((some, *self.free(shape, width if name == "history_labels" else 7)))
            elif dtype == INT64:
                low, high = (-(2**62), 2**62) if random.random() < 0.2 else (0, 2**31)
                inputs[name] = random.integers(low, high, (some, width))
            elif len(shape) == 1:
                known = self.users if name in ("user_id", "user") else self.items
                inputs[name] = self.ids(1, rows if leads in (None, name) else some, known)[0]
            elif name == "item_ids":
                inputs[name] = self.ids(rows, int(random.integers(0, 50)))
            else:
                inputs[name] = self.ids(rows if leads is None else some, int(random.choice([0, 1, 7, 300])))
        wrong = random.random() < 0.03
        if wrong:
            name = str(random.choice(sorted(inputs.keys() - {leads}) or [leads]))
            value = inputs[name]
            # Labels and timestamps of width 0 are valid with any number of rows.
            nothing = name in ("history_labels", "timestamps") and not value.size
            deeper = random.random() < 0.5 or leads in (None, name) or nothing
            inputs[name] = value[None] if deeper else np.repeat(value[:1], rows + 3, 0)
            wrong = inputs[name].ndim != value.ndim or len(inputs[name]) > 1
        return signature, inputs, wrong

    def fault(self, inputs: dict[str, np.ndarray], answer: dict[str, np.ndarray]) -> str | None:
        """The first error in an answer, or None."""
        for name, values in answer.items():
            if values.dtype != object and np.isnan(values).any():
                return f"{name} has NaN"
        if "item_ids" not in answer:
            return None
        forbids = {"exclude", *(["history"] if self.mask_seen else [])} & inputs.keys()
        for row, (ids, scores) in enumerate(zip(answer["item_ids"], answer["scores"], strict=True)):
            some = [one for one in ids if one]
            forbidden = {one for name in forbids for one in row_of(inputs[name], row)}
            allowed = {one for one in row_of(inputs["allow"], row) if one} if "allow" in inputs else None
            if len(set(some)) < len(some):
                return f"row {row} has an id twice: {some[:10]}"
            if bad := [one for one in some if one not in self.known]:
                return f"row {row} has unknown ids: {bad[:5]}"
            if bad := set(some) & forbidden:
                return f"row {row} has forbidden ids: {sorted(bad)[:5]}"
            if allowed and (bad := set(some) - allowed):
                return f"row {row} has ids that are not allowed: {sorted(bad)[:5]}"
            if list(scores) != sorted(scores, reverse=True):
                return f"row {row} is not in order"
            if [bool(one) for one in ids] != np.isfinite(scores).tolist():
                return f"row {row} has an empty id with a finite score, or an id without a finite score"
        return None


def row_of(rows: np.ndarray, row: int) -> np.ndarray:
    """A row, or the single row that applies to all."""
    return rows[row if len(rows) > 1 else 0]


def main(job_file: str, answers: str) -> None:
    """Send requests until an answer is wrong."""
    task = job.read(job_file)
    fuzzer, counts, failure = Fuzzer(task), Counter(), None
    for number in range(task["number"]):
        signature, inputs, wrong = fuzzer.request()
        shapes = {name: value.shape for name, value in inputs.items()}
        counts["ids"] += sum(value.size for value in inputs.values())
        try:
            answer = fuzzer.session.ask(signature, inputs)
        except RuntimeRefused as error:
            counts["refused"] += 1
            if not wrong or error.code != INVALID_ARGUMENT:
                failure = f"code {error.code}: {error}"
        else:
            counts["answered"] += 1
            failure = "an invalid shape was accepted" if wrong else fuzzer.fault(inputs, answer)
        if failure:
            failure = f"request {number}, {signature} {shapes}: {failure}"
            break
    job.write_plain(answers, {**counts, "failure": failure})


if __name__ == "__main__":
    main(*sys.argv[1:])
