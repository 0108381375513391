"""What a step of training or evaluation finds wrong with its batch, raised outside of its graph.

What a batch holds is known in the graph alone, and a graph cannot raise on every backend. So a step returns flags
beside its logs. The first step of an epoch is checked at once; the flags of the others are gathered without waiting for
the device, and checked when the epoch is over.
"""

from collections.abc import Callable, Mapping
from typing import Any

from keras import ops

_PREFIX = "step check: "  # of the flags among the logs of a step, until `StepChecks.around` takes them out


def flags(found: Mapping[str, Any]) -> dict[str, Any]:
    """Logs of a step that say what is wrong with its batch: name of the check -> bool tensor of any shape."""
    return {_PREFIX + name: ops.cast(ops.any(wrong), "float32") for name, wrong in found.items()}


class StepChecks:
    """Takes the flags out of the logs of a model's steps, and raises.

    Args:
        messages: name of a check -> what to raise.
    """

    def __init__(self, messages: Mapping[str, str]) -> None:
        self._messages = dict(messages)
        self._gathered: dict[str, Any] = {}
        self._is_first = True

    def start(self) -> None:
        """An epoch begins: raise what the one before has gathered."""
        self.finish()
        self._is_first = True

    def finish(self) -> None:
        """Raise what was gathered.

        Raises:
            ValueError: with the message of the first check that failed.
        """
        gathered, self._gathered = self._gathered, {}
        for name, flag in gathered.items():
            if float(ops.max(flag)) > 0:
                raise ValueError(self._messages[name])

    def around(self, step: Callable[..., Any]) -> Callable[..., Any]:
        """The function of a step, or of several, with the checks behind it."""

        def checked(*args: Any) -> Any:
            done = step(*args)
            logs = done if isinstance(done, dict) else done[0]  # JAX returns its state, too
            for key in [key for key in logs if key.startswith(_PREFIX)]:
                name, flag = key.removeprefix(_PREFIX), logs.pop(key)
                before = self._gathered.get(name)
                self._gathered[name] = flag if before is None else ops.maximum(before, flag)
            if self._is_first:
                self.finish()
                self._is_first = False
            return done

        return checked
