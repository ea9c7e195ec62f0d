"""For properties each of whose cases is long: as many as a quarter of what the profile says."""

from __future__ import annotations

from typing import Final

from hypothesis import settings

fewer: Final = settings(max_examples=max(1, settings().max_examples // 4))
