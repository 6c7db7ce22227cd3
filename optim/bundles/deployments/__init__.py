"""Where a bundle can be deployed: one file each, whose `DEPLOYMENT` says what it writes."""

import pkgutil


def deployment_names() -> list[str]:
    """Their names, without importing them."""
    return sorted(info.name for info in pkgutil.iter_modules(__path__))
