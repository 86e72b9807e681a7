"""How a row is written down: a function that measures, and gives lines."""

import importlib
import pkgutil
from dataclasses import dataclass
from typing import Callable

ROWS = {}


class CannotMeasure(Exception):
    """Why a row has no figures on this machine."""


@dataclass(frozen=True)
class Row:
    name: str
    title: str
    measure: Callable
    order: int


@dataclass(frozen=True)
class Line:
    """One measurement. What is not there is a dash, never a nought."""

    what: str
    ours: str
    beside: str = "-"
    ratio: str = "-"
    to_reach: str = "-"


def row(order):
    """Registers a row: its name is the function's, its title the first line of the docstring, its place in the table `order`."""

    def register(measure):
        name = measure.__name__.replace("_", "-")
        assert name not in ROWS, name
        ROWS[name] = Row(name, measure.__doc__.strip().splitlines()[0].rstrip("."), measure, order)
        return measure

    return register


def all_rows():
    from . import rows

    for module in pkgutil.iter_modules(rows.__path__):
        importlib.import_module(f"{rows.__name__}.{module.name}")
    return sorted(ROWS.values(), key=lambda row: row.order)
