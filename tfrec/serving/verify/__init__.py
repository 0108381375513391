"""What an export must pass before it is visible: operations, parity with the model, and `serve-check`."""
