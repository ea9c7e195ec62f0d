"""`python -m gapscan_cli`, the same as `gapscan`."""

from __future__ import annotations

from gapscan_cli.main import main

main()
