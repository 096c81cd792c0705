"""What the `xdsl.universe` entry point offers: plain `xdsl-opt` knows our dialects and passes."""

from xdsl.universe import Universe

from dialects import get_all_dialects
from passes import get_all_passes

AIC_UNIVERSE = Universe(all_dialects=get_all_dialects(), all_passes=get_all_passes())
