"""Run an export in a fresh process that cannot import tfrec."""

from tfrec.serving.runtime.fuzz import fuzz
from tfrec.serving.runtime.replay import Call, ReplayError, ReplayTimeout, replay, time_calls

__all__ = ["Call", "ReplayError", "ReplayTimeout", "fuzz", "replay", "time_calls"]
