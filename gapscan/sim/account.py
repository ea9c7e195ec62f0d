"""What the account that asks may have: the simulated market plays the plans that providers sell."""

from __future__ import annotations

from collections.abc import Set
from typing import Final, Self

from msgspec import Struct


class AccountPlan(Struct, frozen=True, kw_only=True):
    """Whether snapshots have last quotes and last trades, and whether the stream gives trades and halts (LULD)."""

    quotes: bool = True
    trades: bool = True
    halts: bool = True

    @classmethod
    def without(cls, limits: Set[str]) -> Self:
        """The plan that has these of `config.PLAN_LIMITS`; to be delayed is the clock's matter."""
        return cls(quotes="no-quotes" not in limits, trades="no-trades" not in limits, halts="no-luld" not in limits)

    def gives(self, kind: str) -> bool:
        """Whether the stream gives a kind of topic."""
        return {"T": self.trades, "LULD": self.halts}.get(kind, True)


FULL: Final = AccountPlan()
