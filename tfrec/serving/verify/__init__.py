"""Checks that an export must pass before it becomes visible: operations, parity with the model, and `serve-check`."""
