"""Errors that users of aic can cause."""


class AicError(Exception):
    """A user's mistake or an unsupported request.

    The message says what, where, the limit and what to do; tools print it and exit with 1.
    """
