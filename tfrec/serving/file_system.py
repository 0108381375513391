"""Recognise errors of the file system, whether Python, TensorFlow or a subprocess reports them."""

from __future__ import annotations

import errno
import os

_CODES = ("EACCES", "EDQUOT", "EFBIG", "EIO", "EMFILE", "ENFILE", "ENODEV", "ENOSPC", "EPERM", "EROFS", "ESTALE")


def file_system_fault(error: BaseException) -> str | None:
    """The message of the file system, or None if an error has another cause.

    TensorFlow reports a full disk as one of its own errors, with the system's message at the end of the text.

    Example:
        >>> file_system_fault(RuntimeError("served/1/saved_model.pb; No space left on device"))
        'No space left on device'
        >>> file_system_fault(RuntimeError("scores differ")) is None
        True
    """
    if isinstance(error, OSError):
        return " ".join(str(error.strerror or error).split())
    text = str(error).lower()
    words = [os.strerror(getattr(errno, code)) for code in _CODES if hasattr(errno, code)]
    return next((one for one in words if one.lower() in text), None)
