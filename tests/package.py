"""python -m tests.package: builds sdist and wheel into dist/, and proves that the wheel is all that a user needs.

The wheel is built from the sdist alone. It is installed into an empty environment with the pins of those who run
gapscan; `gapscan up` runs from there until a list is live. A second environment has only what a client needs.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import gapscan

ROOT: Final = Path(__file__).parents[1]
DIST: Final = ROOT / "dist"
LOCK: Final = ROOT / "requirements-run.lock"
CLIENT: Final = ("msgspec", "nats-py", "platformdirs")  # all that a client needs; docs/client.md says so
SHARED: Final = ("server.conf", "embedded.conf", "gapscan.toml")
PATIENCE: Final = 60.0
BEGUN: Final = time.monotonic()
_FOLLOW: Final = """
import sys, gapscan
for view in gapscan.follow("most_active", nats=sys.argv[1]):
    if view.state == "live" and view.rows:
        break
"""


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """What a command prints; it must succeed."""
    return subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.PIPE, text=True, timeout=300).stdout


def say(text: str) -> None:
    print(f"package: {text} ({time.monotonic() - BEGUN:.0f} s)", flush=True)


def build(scratch: Path) -> Path:
    """The wheel, built from nothing but the sdist."""
    shutil.rmtree(DIST, ignore_errors=True)
    hatchling = (sys.executable, "-m", "hatchling", "build", "-d", str(DIST), "-t")
    run(*hatchling, "sdist", cwd=ROOT)
    name = f"gapscan-{gapscan.__version__}"
    with tarfile.open(DIST / f"{name}.tar.gz") as archive:
        archive.extractall(scratch, filter="data")
    run(*hatchling, "wheel", cwd=scratch / name)
    (wheel,) = DIST.glob(f"{name}-*.whl")
    return wheel


def check_contents(wheel: Path) -> None:
    """Every file of the two packages is in it, and what they need from elsewhere; nothing else."""
    wanted = {f"gapscan/_share/{name}" for name in SHARED}
    for package in (ROOT / "gapscan", ROOT / "cli" / "gapscan_cli"):
        found = (path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        wanted |= {path.relative_to(package.parent).as_posix() for path in found}
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert held == wanted, f"missing: {sorted(wanted - held)}, too much: {sorted(held - wanted)}"


def installed(folder: Path, pins: str, wheel: Path) -> Path:
    """The programs of a new environment with these pins and the wheel, which brings nothing with it."""
    venv.create(folder)
    requirements = folder / "requirements.txt"
    requirements.write_text(pins)
    pip(folder, "install", "--quiet", "--require-hashes", "-r", requirements)
    pip(folder, "install", "--quiet", "--no-deps", wheel)
    return folder / "bin"


def pip(folder: Path, *arguments: str | Path) -> None:
    """This environment's pip at work in another, which needs none of its own."""
    run(sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", folder / "bin" / "python", *arguments)


def client_pins() -> str:
    """The lock's lines for what a client needs."""
    blocks = re.findall(r"^(\S+?)==.* \\\n(?:    .*\n?)+", LOCK.read_text(), re.MULTILINE)
    assert set(CLIENT) <= set(blocks)
    pattern = "|".join(map(re.escape, CLIENT))
    return "".join(match[0] for match in re.finditer(rf"^(?:{pattern})==.* \\\n(?:    .*\n?)+", LOCK.read_text(), re.M))


@contextmanager
def up(gapscan_program: Path, data: Path) -> Iterator[None]:
    """`gapscan up` on a small simulated market; at the end Ctrl-C, which it must take well."""
    options = ["--nats-port", "0", "--http-port", "0", "--symbols", "200", "--start", "10:30"]
    command: list[str | Path] = [gapscan_program, "up", "--data", data, *options]
    with (data / "up.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=data)
    try:
        yield
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0, (data / "up.log").read_text()
    except BaseException:
        print((data / "up.log").read_text(), file=sys.stderr)
        raise
    finally:
        process.terminate()
        process.wait(20)


def wait_until_live(gapscan_program: Path, data: Path) -> None:
    """Until the command line shows a live list with rows."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        top: list[str | Path] = [gapscan_program, "top", "most_active", "--json", "--data", data]
        asked = subprocess.run(top, capture_output=True, text=True, timeout=30, cwd=data)
        if asked.returncode == 0 and (found := json.loads(asked.stdout))["state"] == "live" and found["rows"]:
            return
        time.sleep(0.2)
    raise AssertionError(f"no list is live: {asked.stdout} {asked.stderr}")


def check_running(full: Path, light: Path, data: Path) -> None:
    """What runs from the wheel: lists, the page, and a client beside it."""
    program = full / "gapscan"
    assert run(program, "--version", cwd=data) == f"gapscan {gapscan.__version__}\n"
    assert "[nats]" in run(program, "config", "example", cwd=data)
    with up(program, data):
        wait_until_live(program, data)
        running: dict[str, Any] = json.loads((data / "run.json").read_text())
        with urllib.request.urlopen(running["http_url"] + "static/listview.js", timeout=10) as answer:
            assert b"export class ListView" in answer.read()
        login = f"://{running['nats_user']}:{running['nats_password']}@"  # looked for in the usual directory only
        run(light / "python", "-c", _FOLLOW, running["nats_url"].replace("://", login), cwd=data)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        wheel = build(scratch)
        check_contents(wheel)
        say(f"{wheel.name} is whole")
        full = installed(scratch / "full", LOCK.read_text(), wheel)
        pip(scratch / "full", "check")
        light = installed(scratch / "light", client_pins(), wheel)
        say("it is installed")
        data = scratch / "data"
        data.mkdir()
        check_running(full, light, data)
        say("gapscan up runs from it, and a client that has only " + " and ".join(CLIENT))


if __name__ == "__main__":
    main()
