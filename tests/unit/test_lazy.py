"""What is loaded later is what it would have been, and what nobody uses is never loaded."""

from __future__ import annotations

import subprocess
import sys

import pytest

_LATER = """
import sys
from gapscan.lazy import load_later
load_later("aiohttp")
import aiohttp
"""


def _run(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", _LATER + program], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_what_nobody_uses_is_not_loaded() -> None:
    assert _run("import nats\nprint('aiohttp.client' in sys.modules)") == "False"


@pytest.mark.parametrize(
    "use",
    [
        "aiohttp.ClientSession",
        "__import__('aiohttp.web', fromlist=['x']) and aiohttp.ClientSession",
        "__import__('nats.aio.transport', fromlist=['x']).aiohttp.ClientSession",
    ],
)
def test_what_is_used_is_the_module_itself(use: str) -> None:
    program = f"""
found = {use}
real = sys.modules["aiohttp"]
print(found is real.ClientSession, real.__file__.endswith("__init__.py"), "aiohttp.client" in sys.modules)
"""
    assert _run(program) == "True True True"


def test_one_that_is_loaded_stays_so() -> None:
    program = """
aiohttp.ClientSession
real = sys.modules["aiohttp"]
load_later("aiohttp")
print(sys.modules["aiohttp"] is real)
"""
    assert _run(program) == "True"


def test_one_that_is_not_there_is_an_import_error_when_it_is_used() -> None:
    program = """
load_later("no_such_module")
import no_such_module
try:
    no_such_module.anything
except ModuleNotFoundError as error:
    print(error.name)
"""
    assert _run(program) == "no_such_module"
