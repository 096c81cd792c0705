"""The version of aic."""

from importlib.metadata import version as installed_version


def version() -> str:
    """Version of the installed distribution."""
    return installed_version("aic-compiler")
