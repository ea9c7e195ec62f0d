"""Who may come in to a bridge, and what it says of itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from gapscan.bridge.api_bars import AskBars
from gapscan.bridge.editing import EditPolicy
from gapscan.bridge.forwarding import Proxies
from gapscan.bridge.own_lists import AskPreview, OwnLists
from gapscan.bridge.past import PastLists
from gapscan.bridge.questions import Ask
from gapscan.bridge.symbol_facts import SymbolFacts
from gapscan.bridge.trials import Source
from gapscan.service.metrics import Metrics


@dataclass(frozen=True)
class AccessPolicy:
    """Who may come in, whom they may ask, and how ready the bridge is: names of conditions and whether they hold.

    `origins` are the pages that may connect (none: see `origin.is_allowed`), `hosts` the bridge's own names.
    """

    origins: Collection[str]
    hosts: Collection[str]
    token: str | None
    window: float
    ask: Ask
    past: PastLists
    bars: AskBars
    symbols: SymbolFacts
    preview: AskPreview
    own: OwnLists
    conditions: Callable[[], Mapping[str, bool]]
    metrics: Metrics
    links: Sequence[str] = ()  # to pages about a symbol
    trouble: Callable[[], str] = lambda: ""  # why a condition does not hold, where that is known
    tried_on: Callable[[], Source] = Source
    edit: EditPolicy = field(default_factory=EditPolicy)
    compress: bool = False  # frames, for clients that can take it
    proxies: Proxies = field(default_factory=Proxies)
