"""Several instances of a network on one card: each takes NSPs of its own."""


def too_many_instances(instances: int, cores: int, sku: str, available: int) -> str | None:
    """What is wrong with so many instances, on so many NSPs each, on a card that has `available`; None: they fit."""
    if instances * cores <= available:
        return None
    most = available // cores
    return (
        f"{instances} instances on {cores} NSPs each take {instances * cores}, the SKU '{sku}' has {available}: "
        f"{most} instance{'s fit' if most > 1 else ' fits'}"
    )
