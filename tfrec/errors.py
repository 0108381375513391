"""The exception for invalid input."""


class InputError(ValueError):
    """The user's input is invalid. The message says what is wrong, what was expected, and what to do.

    The command line prints it as one line and exits with code 2. Any other exception is a bug in tfrec.
    """
