"""Which process a process id means: the system gives the number of one that has ended to another."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_STARTED: Final = 19  # of the fields after the command's name in /proc/PID/stat; proc(5) calls it the 22nd


def birth_of(pid: int) -> str | None:
    """When the process was born, as text that no other process of this id has; None when there is no such process.

    Asked of the system itself: a program that merely follows a list need not load psutil for it, and on Linux its times
    move with the wall clock.
    """
    return _birth_in_proc(pid) if sys.platform == "linux" else _birth_by_ps(pid)


def _birth_in_proc(pid: int) -> str | None:
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        stat = (_PROC / str(pid) / "stat").read_text("utf-8", "replace")
    except OSError:
        return None
    # The command's name is in brackets, and may have brackets and spaces in it.
    return f"{boot}/{stat.rpartition(')')[2].split()[_STARTED]}"


def _birth_by_ps(pid: int) -> str | None:
    command = ["ps", "-o", "lstart=", "-p", str(pid)]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    except OSError:
        return None
    return said.stdout.strip() or None
