"""Parts: passes, runtimes and metrics. Each is one file holding one frozen, validated value.

A package, since four things belong to every part and each reads well alone: what a part is
(`base`), how it is written (`spelling`), what is known of it (`knowledge`) and where it is found
(`discovery`).
"""

from optim.part.base import BUILT_IN, Group, Ingredient, Part, Precision
from optim.part.discovery import Broken, broken_parts, discover, rediscover
from optim.part.knowledge import (
    QUANTIZED_OPS,
    Circumstances,
    Hazard,
    Kind,
    Known,
    Product,
    Searched,
    Start,
)
from optim.part.spelling import ByName, build_part, field_schemas, parse_part

__all__ = [
    "BUILT_IN",
    "QUANTIZED_OPS",
    "Broken",
    "ByName",
    "Circumstances",
    "Group",
    "Hazard",
    "Ingredient",
    "Kind",
    "Known",
    "Part",
    "Precision",
    "Product",
    "Searched",
    "Start",
    "broken_parts",
    "build_part",
    "discover",
    "field_schemas",
    "parse_part",
    "rediscover",
]
