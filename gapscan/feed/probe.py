"""Whether the provider answers: asked for the least that there is, between scans that may be half a minute apart.

A provider that answers, whatever it says, is there; but one that refuses is scanned at once, for the scan to say so.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Final

from gapscan.config import Config
from gapscan.errors import FeedError, UnansweredError
from gapscan.feed.liveness import Liveness
from gapscan.obs import Tally
from gapscan.provider import Provider

PATIENCE_SECONDS: Final = 2.0  # for an answer
_SCAN_PAUSE: Final = 30.0  # from scan to scan while it refuses: what is asked for here may be all that fails
_LEAST_PAUSE: Final = 4.0  # the same of one that refuses now and then
_HELD_UP: Final = 1.0  # a process that was held up for longer has heard nothing, and may conclude nothing


class Probe:
    """Asks every `probe_interval` seconds while the market is open; `scan_soon` is called when it is refused."""

    def __init__(
        self, provider: Provider, config: Config, liveness: Liveness, tally: Tally, scan_soon: Callable[[], None]
    ) -> None:
        self._provider = provider
        self._liveness = liveness
        self._tally = tally
        self._scan_soon = scan_soon
        self._refuses = False  # by its last answer
        self._scanned_at = -math.inf  # when a scan was asked for because of a refusal, by the loop's time
        interval = config.feed.probe_interval
        # A market that goes from minute to minute answers when a minute is ranked.
        stepping = config.provider.simulated and config.sim.stepping
        self._interval = 0.0 if stepping or interval >= config.feed.discovery_interval else interval

    async def run(self) -> None:
        """Ask for ever; nothing to do at an interval of 0."""
        if not self._interval:
            return
        while True:
            await asyncio.sleep(self._interval)
            if self._liveness.session in ("pre", "regular", "post"):
                await self.ask()

    async def ask(self) -> None:
        """Ask once."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._provider.ping()
        except (TimeoutError, UnansweredError) as error:
            if loop.time() - began > PATIENCE_SECONDS + _HELD_UP:
                return
            self._tally.trouble("provider_silent", f"the provider does not answer: {error or 'nothing comes'}")
            self._liveness.unanswered(loop.time() - began)
        except FeedError:
            self._refused(loop.time())
        else:
            self._refuses = False
            self._liveness.answered()

    def _refused(self, now: float) -> None:
        """It is there, and may serve nothing: a scan is to say."""
        self._liveness.refused()
        if now - self._scanned_at >= (_SCAN_PAUSE if self._refuses else _LEAST_PAUSE):
            self._scanned_at = now
            self._scan_soon()
        self._refuses = True
