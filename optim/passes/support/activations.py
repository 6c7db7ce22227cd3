"""Patterns of activations that are written in several nodes, as onnxscript's rewrite rules."""

import math
from typing import Any

_ROOT_2 = math.sqrt(2)
_MICROSOFT = "com.microsoft"
_GELU_OPSET, _SWISH_OPSET = 20, 24  # the first in which the standard has them


def gelu_rules(opset: int) -> list[Any]:
    """GELU by the error function, in the four orders that exporters multiply in."""
    from onnxscript.rewriter.pattern import RewriteRule

    def made(op: Any, x: Any) -> Any:
        return op.Gelu(x) if opset >= _GELU_OPSET else op.Gelu(x, _domain=_MICROSOFT)

    patterns = (
        lambda op, x: op.Mul(op.Mul(x, _one_plus(op, x)), 0.5),
        lambda op, x: op.Mul(x, op.Mul(_one_plus(op, x), 0.5)),
        lambda op, x: op.Mul(op.Mul(x, 0.5), _one_plus(op, x)),
    )
    rules = [RewriteRule(pattern, made) for pattern in patterns]
    return [twin for rule in rules for twin in rule.commute()]


def _one_plus(op: Any, x: Any) -> Any:
    return op.Add(op.Erf(op.Div(x, _ROOT_2)), 1.0)


def swish_rules(opset: int) -> list[Any]:
    """Swish (SiLU): x times its sigmoid."""
    from onnxscript.rewriter.pattern import RewriteRule

    def made(op: Any, x: Any) -> Any:
        if opset >= _SWISH_OPSET:
            return op.Swish(x)
        return op.QuickGelu(x, alpha=1.0, _domain=_MICROSOFT)

    rule = RewriteRule(lambda op, x: op.Mul(x, op.Sigmoid(x)), made)
    return [*rule.commute()]
