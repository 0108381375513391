"""The one exception that means: what you gave is wrong, and here is what to do."""


class InputError(ValueError):
    """The user's input cannot be used. The text says what was expected, what came, and what to do.

    The command line prints it as one line and exits with code 2; every other exception is a fault of ours.
    """
