"""The one hardware description: files of data, typed on load.

`_soc.toml` holds what one SoC is on every card, `<sku>.toml` what an SKU adds or changes. Every entry is
`name = {value = .., grade = "measured" | "derived" | "assumed", source = ".."}`, the unit is in the name, and a key
that `Hardware` does not have is refused.
"""

from dialects.hardware.description import Grade, Hardware, VectorCycles, load_hardware, skus

__all__ = ["Grade", "Hardware", "VectorCycles", "load_hardware", "skus"]
