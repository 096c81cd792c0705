"""The error of everything that reads or writes a QPC."""

from dialects.errors import AicError


class QpcError(AicError):
    """A QPC, or a part of one, is malformed, or cannot hold what it is asked to hold."""
