"""The commands of aic: thin shells over the packages `aic`, `passes` and `dialects`."""

import gc

# Before anything else is imported: IR and the classes of dialects are made of cycles that stay alive, and searching
# them for garbage again and again would take a tenth of the time of a command.
gc.set_threshold(300_000, 50, 1000)
