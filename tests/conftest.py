"""What all tests share."""

from hypothesis import settings

# The same examples on every run: a failure seen once is seen again. No deadline: the machine may be busy.
settings.register_profile("aic", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("aic")
