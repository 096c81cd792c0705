"""The commands of aic: thin shells over the packages `aic`, `passes` and `dialects`."""
