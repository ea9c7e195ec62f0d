"""Which process a process id means: the system gives the number of one that has ended to another."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_STARTED: Final = 19  # of the fields after the command's name in /proc/PID/stat; proc(5) calls it the 22nd


def birth_of(pid: int) -> str | None:
    """When the process was born, as text that no other process of this id has; None when there is no such process.

    Read from the system itself where that is Linux: a program that only looks whether something runs need not load
    psutil for it. What psutil gives there moves with the wall clock.
    """
    return _birth_in_proc(pid) if sys.platform == "linux" else _birth_by_psutil(pid)


def _birth_in_proc(pid: int) -> str | None:
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        stat = (_PROC / str(pid) / "stat").read_text("utf-8", "replace")
    except OSError:
        return None
    # The command's name is in brackets, and may have brackets and spaces in it.
    return f"{boot}/{stat.rpartition(')')[2].split()[_STARTED]}"


def _birth_by_psutil(pid: int) -> str | None:
    import psutil

    try:
        return f"{psutil.Process(pid).create_time():.0f}"
    except psutil.Error:
        return None
