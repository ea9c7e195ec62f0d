"""Past days of minute bars: read in a child process, one day at a time, and kept on disk for the next start."""

from __future__ import annotations

import asyncio
import datetime as dt
import stat
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Final

from gapscan.errors import DataError
from gapscan.files import replace_file
from gapscan.flatfiles.column_cache import source_of
from gapscan.flatfiles.files import FlatFiles
from gapscan.flatfiles.minutes import KIND, DayVolumes, unpacked
from gapscan.obs import Tally

FOLDER: Final = "volume_curves"


class DayReader:
    """Days of the flat files below `directory`; what was read of them is kept below `cache`, if that is given."""

    def __init__(self, directory: Path, cache: Path | None, tally: Tally) -> None:
        self._directory = directory
        self.cache = cache / FOLDER if cache else None
        self._tally = tally
        self.files = FlatFiles(directory)

    def exists(self, date: dt.date) -> bool:
        """Whether there is a file for `date`. One that cannot be looked at counts as none."""
        path = self.files.path(KIND, date)
        try:
            return stat.S_ISREG(path.stat().st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            self._tally.trouble("unseen_flat_files", f"{path} cannot be looked at, and is left out: {error.strerror}")
            return False

    async def read(self, date: dt.date) -> DayVolumes:
        """The volumes of a day. Raises DataError when its file cannot be read, OSError when no process can be begun."""
        kept = await asyncio.to_thread(self._kept, date)
        if kept is not None:
            self._tally.count("flat_files_kept")
            return kept
        data = await self._read_apart(date)
        self._tally.count("flat_files_read")
        return await asyncio.to_thread(self._keep, date, data)

    def _path(self, date: dt.date) -> Path | None:
        return self.cache / f"{date}.npz" if self.cache else None

    def _kept(self, date: dt.date) -> DayVolumes | None:
        """What was kept of the day, if that is of the file as it is now."""
        path = self._path(date)
        try:
            if path is None or not path.exists():
                return None
            day = unpacked(path.read_bytes())
            return day if day.source == source_of(self.files.path(KIND, date)) else None
        except (OSError, DataError) as error:
            self._tally.trouble("curve_cache", f"{path} cannot be used, the day is read anew: {error}")
            return None

    def _keep(self, date: dt.date, data: bytes) -> DayVolumes:
        day, path = unpacked(data), self._path(date)
        try:
            if path is not None:
                replace_file(path, data)
        except OSError as error:
            self._tally.trouble("curve_cache", f"{path} cannot be written: {error.strerror}")
        return day

    async def _read_apart(self, date: dt.date) -> bytes:
        """In a process of its own, at the lowest priority: nothing here waits for it."""
        pipe = asyncio.subprocess.PIPE
        starting = asyncio.ensure_future(asyncio.create_subprocess_exec(
            sys.executable, "-m", "gapscan.flatfiles.minutes", str(self._directory), str(date),
            stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe, start_new_session=True,
        ))  # fmt: skip
        child: asyncio.subprocess.Process | None = None
        try:
            child = await asyncio.shield(starting)
            data, fault = await child.communicate()
        finally:
            # uvloop leaves a child behind whose start is cancelled.
            child = child or await starting
            if child.returncode is None:
                child.kill()
                await child.wait()
        if child.returncode:
            last = fault.decode("utf-8", "replace").strip().splitlines()[-1:] or [f"exit code {child.returncode}"]
            raise DataError(last[0])
        return data

    def forget_all_but(self, dates: Collection[dt.date]) -> None:
        """Remove what is kept of other days."""
        names = {f"{date}.npz" for date in dates}
        try:
            for path in self.cache.glob("*.npz") if self.cache else ():
                if path.name not in names:
                    path.unlink(missing_ok=True)
        except OSError as error:
            self._tally.trouble("curve_cache", f"{self.cache} cannot be tidied: {error.strerror}")
