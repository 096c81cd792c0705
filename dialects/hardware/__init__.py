"""The one hardware description: a file of data per SKU (`<sku>.toml`), typed on load.

Every entry of a file is `name = {value = .., grade = "measured" | "derived" | "assumed", source = ".."}`, the unit is in the name, and a key
that `Hardware` does not have is refused.
"""

from dialects.hardware.description import Grade, Hardware, load_hardware, skus

__all__ = ["Grade", "Hardware", "load_hardware", "skus"]
