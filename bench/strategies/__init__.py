"""Ways to spend a budget, played on stored grids: all are compared on the same measurements.

A strategy gets a `Game` and looks at recipes until the time is over. Each is one function in a file
of this package, named in `STRATEGIES`.
"""

from collections.abc import Callable

from bench.strategies.chance import at_random
from bench.strategies.fixed_list import fixed_list
from bench.strategies.game import Game
from bench.strategies.samplers import nsga2, tpe
from bench.strategies.this_search import this_search

STRATEGIES: dict[str, Callable[[Game], None]] = {
    "this search": this_search,
    "random": at_random,
    "TPE": tpe,
    "NSGA-II": nsga2,
    "fixed list": fixed_list,
}
"""What it is called in reports -> the strategy."""
