"""Replacing a file in one step: whoever reads it meanwhile, or dies here, has the old one or the new one whole."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

try:
    import fcntl
except ImportError:  # Windows, where a client may live: who writes there at the same time as another is not held up
    fcntl = None  # type: ignore[assignment]

_LOOK_SECONDS: Final = 0.02
_WITHOUT_LOCKS: Final = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # as some shared file systems are


@contextmanager
def one_at_a_time(path: Path, seconds: float = 5.0) -> Iterator[None]:
    """Read the file and replace it within: nobody who does so too comes between, in whichever process.

    What is locked is the folder, which is made: the file is another one after each writing, and a lock beside it would
    stay. Where the system or the file system has no locks, nobody is held up. Raises TimeoutError when another one is
    at it for so long, OSError when the folder cannot be made or opened.
    """
    folder = Path(os.path.realpath(path)).parent
    folder.mkdir(parents=True, exist_ok=True)
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _lock(handle, time.monotonic() + seconds)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, until: float) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise TimeoutError("another process is writing there") from None
            time.sleep(_LOOK_SECONDS)
        except OSError as error:
            if error.errno not in _WITHOUT_LOCKS:
                raise
            return
        else:
            return


def replace_file(path: Path, content: bytes | Callable[[IO[bytes]], object], *, private: bool = False) -> None:
    """Write `content` in place of what `path` holds, of a link in the file that it leads to; folders are made.

    What is large is written piece by piece by a function, which is given the file.

    The file's mode stays, and its owner where root writes it, so that a service can go on reading what it wrote; a
    `private` one is its owner's alone from the beginning. Raises OSError, and then leaves everything as it was.
    """
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own for each writing: two may go on at once.
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(fresh, "xb", opener=_private if private else None) as file:
            if path.exists():
                _keep_owner(path, fresh)
                if not private:
                    shutil.copymode(path, fresh)
            if callable(content):
                content(file)
            else:
                file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise


def _keep_owner(path: Path, fresh: Path) -> None:
    before = path.stat()
    if os.geteuid() == 0:
        with suppress(PermissionError):  # root of a container may be without that right
            os.chown(fresh, before.st_uid, before.st_gid)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, mode=0o600)
