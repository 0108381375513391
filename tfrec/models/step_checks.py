"""Checks of the batches in training and evaluation steps, with errors raised outside the graph.

The values of a batch are only known in the graph, and a graph cannot raise on every backend. So a step returns flags
with its logs. The first step of an epoch is checked immediately; the flags of the others are collected without waiting
for the device and checked at the end of the epoch.
"""

from collections.abc import Callable, Mapping
from typing import Any

from keras import ops

_PREFIX = "step check: "  # marks the flags among the logs of a step, until `StepChecks.around` removes them


def flags(found: Mapping[str, Any]) -> dict[str, Any]:
    """Convert the flags of a step to logs: name of the check -> bool tensor of any shape, True if the check fails."""
    return {_PREFIX + name: ops.cast(ops.any(wrong), "float32") for name, wrong in found.items()}


class StepChecks:
    """Removes the flags from the logs of a model's steps and raises errors.

    Args:
        messages: name of a check -> its error message.
    """

    def __init__(self, messages: Mapping[str, str]) -> None:
        self._messages = dict(messages)
        self._gathered: dict[str, Any] = {}
        self._is_first = True

    def start(self) -> None:
        """Start an epoch; raises the errors collected in the previous one."""
        self.finish()
        self._is_first = True

    def finish(self) -> None:
        """Raise the collected errors.

        Raises:
            ValueError: with the message of the first check that failed.
        """
        gathered, self._gathered = self._gathered, {}
        for name, flag in gathered.items():
            if float(ops.max(flag)) > 0:
                raise ValueError(self._messages[name])

    def around(self, step: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap the function of one or several steps with the checks."""

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
