"""A process id alone does not say which process is meant."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from gapscan import pids
from gapscan.pids import birth_of

SLEEP = [sys.executable, "-c", "input()"]


def test_a_process_keeps_its_birth_and_no_other_has_it() -> None:
    with subprocess.Popen(SLEEP, stdin=subprocess.PIPE) as other:
        try:
            assert birth_of(os.getpid()) == birth_of(os.getpid()) is not None
            assert birth_of(other.pid) not in (None, birth_of(os.getpid()))
        finally:
            other.kill()


def test_no_process() -> None:
    assert birth_of(2**22 + 1) is None


def test_where_the_system_has_no_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert pids.birth_of(os.getpid()) == pids.birth_of(os.getpid()) is not None
    assert pids.birth_of(2**22 + 1) is None
