"""`python -m gapscan.services NAME` runs one service."""

from gapscan.services.main import run_main

run_main()
