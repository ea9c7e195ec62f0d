"""Beside each entry symbols chosen at random, of the same price class and minute, that the list could have had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from gapscan.backtesting import dice
from gapscan.market.columns import Bools, Floats, Ints

# Symbols are compared with others of their price class: from these prices on, in USD.
PRICE_CLASSES: Final = (2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0)
CONTROLS: Final = 4  # for each entry
NOBODY: Final = -1
_FROM: Final = np.array(PRICE_CLASSES)[:, None]
_CLASSES: Final = np.arange(len(PRICE_CLASSES) + 2, dtype=np.uint8)
_NOT_ELIGIBLE: Final = _CLASSES[-1]  # beyond every class
_AT_A_TIME: Final = 16  # minutes


@dataclass(frozen=True, slots=True)
class _Moment:
    """Who `entered` lists at a minute: each may be compared with `number` of `others`, from `first` on."""

    minute: int
    entered: Ints
    others: Ints
    first: Ints
    number: Ints


class Controls:
    """Chooses CONTROLS others of each one's price class; a symbol is not chosen for itself, and may be chosen twice.

    Whoever enters at a minute has the same in every list: variants differ by their entries, and not by luck.
    What is known of a few minutes waits, so that random numbers are made of many at a time.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._waiting: list[_Moment] = []
        self._found = [np.zeros((0, CONTROLS), np.intp)]

    def add(self, minute: int, prices: Floats, eligible: Bools, entered: Ints) -> None:
        """Symbols that entered lists at a minute, at these prices of all; the eligible could be chosen."""
        classes = (prices >= _FROM).view(np.uint8).sum(axis=0, dtype=np.uint8)
        own = classes.take(entered).astype(np.intp)
        np.maximum(classes, (~eligible).view(np.uint8) * _NOT_ELIGIBLE, out=classes)
        others = classes.argsort(kind="stable")
        bounds = classes.take(others).searchsorted(_CLASSES)
        first = bounds[own]
        self._waiting.append(_Moment(minute, entered, others, first, bounds[own + 1] - first))
        if len(self._waiting) == _AT_A_TIME:
            self._choose()

    def found(self) -> Ints:
        """The places of those that were chosen for each, in their order; NOBODY where there is none."""
        self._choose()
        return np.concatenate(self._found)

    def _choose(self) -> None:
        if not self._waiting:
            return
        sizes = [len(each.entered) for each in self._waiting]
        places, first, number = (
            np.concatenate([getattr(each, name) for each in self._waiting])[:, None]
            for name in ("entered", "first", "number")
        )
        minutes = np.repeat([each.minute for each in self._waiting], sizes)[:, None]
        luck = dice.uniform(self._seed, minutes, places, np.arange(CONTROLS)[None, :])
        chosen = np.split(np.where(number > 0, first + (luck * number).astype(np.intp), 0), np.cumsum(sizes)[:-1])
        found = np.concatenate([each.others.take(at) for each, at in zip(self._waiting, chosen, strict=True)])
        found[(number == 0) | (found == places)] = NOBODY
        self._found.append(found)
        self._waiting.clear()
