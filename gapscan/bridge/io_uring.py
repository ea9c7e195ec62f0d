"""Many sends in one system call, by Linux's io_uring: https://kernel.dk/io_uring.pdf, io_uring_enter(2).

Two rings in memory are shared with the kernel: one of requests (entries, SQEs), one of results (completions, CQEs). A
request here is a send(2) that never waits (MSG_DONTWAIT): the kernel serves it within io_uring_enter, in our own
thread, and what a socket did not take is a result like any other. Nothing is under way between two calls: a frame's
memory need not outlive its call, and a socket may be closed after it.

That is also why plain loads and stores do where io_uring's manuals ask for barriers: those are for a kernel thread that
polls the rings (IORING_SETUP_SQPOLL). Here both sides are one thread, which sees its own stores in order.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import platform
import socket
import sys
from array import array
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

# Requests of one call. The kernel keeps something of each until the call's end; with many more, caches overflow.
ENTRIES: Final = 256

_MACHINES: Final = ("x86_64", "aarch64")  # the system calls have the same numbers on both
_SETUP, _ENTER = 425, 426
_GETEVENTS: Final = 1
_ENTRIES_OFFSET: Final = 0x10000000  # of the entries' own mapping
# Both rings in one mapping; no completion is ever lost; a send that must not wait is not left to a worker (Linux 5.7).
_FEATURES: Final = 0b100011
OP_SEND: Final = 26
_WORD: Final = 0xFFFFFFFF  # heads and tails count on and wrap around
_AGAIN: Final = (errno.EINTR, errno.EAGAIN, errno.EBUSY)  # nothing is wrong; what is left can be submitted again
_PATIENCE: Final = 100  # times, after which something is

_ENTRY: Final = np.dtype(
    {
        "names": ["opcode", "fd", "address", "length", "flags", "index"],
        "formats": ["u1", "i4", "u8", "u4", "u4", "u8"],
        "offsets": [0, 4, 16, 24, 28, 32],
        "itemsize": 64,
    }
)
_COMPLETION: Final = np.dtype([("index", "u8"), ("result", "i4"), ("flags", "u4")])


def _words(*names: str) -> list[tuple[str, Any]]:
    return [(name, ctypes.c_uint32) for name in names]


class _Parameters(ctypes.Structure):
    """struct io_uring_params. `sq_*` and `cq_*` are offsets of a ring's parts in the mapping."""

    _fields_ = (
        *_words("entries", "completions", "flags", "cpu", "idle", "features", "wq", "r0", "r1", "r2"),
        *_words("sq_head", "sq_tail", "sq_mask", "sq_size", "sq_flags", "sq_dropped", "sq_array", "r3", "r4", "r5"),
        *_words("cq_head", "cq_tail", "cq_mask", "cq_size", "cq_overflow", "cq_cqes", "cq_flags", "r6", "r7", "r8"),
    )


_NOTHING: Final[Any] = np.zeros(0, np.uint32)
_library: Final = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def system_call(number: int, *arguments: Any) -> int:
    """A system call that libc has no function for. Raises OSError."""
    assert _library is not None  # for the type checker: on Linux
    result: int = _library.syscall(number, *arguments)
    if result < 0:
        raise OSError(code := ctypes.get_errno(), os.strerror(code))
    return result


class IoUring:
    """Sends to many sockets. Raises OSError when it cannot be had; `failed` is why it cannot be used any more.

    Not to be used by two threads at once, nor by a process and its fork.
    """

    def __init__(self, entries: int = ENTRIES) -> None:
        """`entries`: requests of one system call, at most."""
        if sys.platform != "linux" or platform.machine() not in _MACHINES:
            raise OSError(errno.ENOSYS, f"not made for {sys.platform} on {platform.machine()}")
        self.failed: OSError | None = None
        parameters = _Parameters()
        self.fd = system_call(_SETUP, entries, ctypes.byref(parameters))
        self._maps: list[mmap.mmap] = []
        self._sq_head = self._sq_tail = self._cq_head = self._cq_tail = self._order = _NOTHING
        self._completions = self._entries = _NOTHING
        try:
            self._map(parameters)
            self._prove()
        except BaseException:
            self.close()
            raise

    def _map(self, p: Any) -> None:
        if p.features & _FEATURES != _FEATURES:
            raise OSError(errno.ENOSYS, "the kernel's io_uring is too old")
        size = max(p.sq_array + 4 * p.entries, p.cq_cqes + _COMPLETION.itemsize * p.completions)
        rings = mmap.mmap(self.fd, size, mmap.MAP_SHARED | mmap.MAP_POPULATE)
        self._maps.append(rings)
        entries = mmap.mmap(
            self.fd, p.entries * _ENTRY.itemsize, mmap.MAP_SHARED | mmap.MAP_POPULATE, offset=_ENTRIES_OFFSET
        )
        self._maps.append(entries)
        self._size = p.entries
        self._sq_head, self._sq_tail, self._cq_head, self._cq_tail = (
            np.frombuffer(rings, np.uint32, 1, at) for at in (p.sq_head, p.sq_tail, p.cq_head, p.cq_tail)
        )
        self._order = np.frombuffer(rings, np.uint32, p.entries, p.sq_array)
        self._completions = np.frombuffer(rings, _COMPLETION, p.completions, p.cq_cqes)
        self._entries = np.frombuffer(entries, _ENTRY)
        self._numbers = np.arange(p.entries, dtype=np.uint32)
        self._entries["opcode"] = OP_SEND
        self._entries["flags"] = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
        self._entries["index"] = self._numbers

    def _prove(self) -> None:
        """Send something: a system may give out rings, and refuse or not know what is asked of them."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            taken = int(self.send(array("i", [ours.fileno()]), b"?")[0])
        if self.failed is not None:
            raise self.failed
        if taken < 0:
            raise OSError(-taken, os.strerror(-taken))

    def send(self, sockets: array[int], frame: bytes) -> NDArray[np.int32]:
        """How many bytes of `frame` each socket took, or minus its errno. `sockets` are C ints.

        After a failure of the ring itself, those that it did not come to have taken nothing. An exception out of the
        middle (a signal's handler may raise one) is a failure too: the rings would not be empty at the next call.
        """
        numbers = np.frombuffer(sockets, np.int32)
        results = np.zeros(len(numbers), np.int32)
        self._entries["address"] = np.frombuffer(frame, np.uint8).ctypes.data  # `frame` lives until all is done
        self._entries["length"] = len(frame)
        try:
            for start in range(0, len(numbers), self._size):
                part = slice(start, start + self._size)
                self._submit(numbers[part])
                self._reap(results[part])
                if self.failed is not None:
                    break
        except BaseException:
            self.failed = OSError(errno.ECANCELED, os.strerror(errno.ECANCELED))
            raise
        return results

    def _submit(self, numbers: NDArray[np.int32]) -> None:
        """Have the kernel serve a request for each, all of them: an entry is used again only after that."""
        count = len(numbers)
        self._entries["fd"][:count] = numbers
        tail = int(self._sq_tail[0])
        self._order[(tail + self._numbers[:count]) & (self._size - 1)] = self._numbers[:count]
        self._sq_tail[0] = (tail + count) & _WORD
        refused = 0
        while left := count - self._done:
            try:
                system_call(_ENTER, self.fd, self._unsubmitted, left, _GETEVENTS, None, 0)
            except OSError as error:
                refused += 1
                if error.errno not in _AGAIN or refused > _PATIENCE:
                    self.failed = error
                    return

    @property
    def _unsubmitted(self) -> int:
        return (int(self._sq_tail[0]) - int(self._sq_head[0])) & _WORD

    @property
    def _done(self) -> int:
        return (int(self._cq_tail[0]) - int(self._cq_head[0])) & _WORD

    def _reap(self, results: NDArray[np.int32]) -> None:
        head, count = int(self._cq_head[0]), self._done
        at = (head + np.arange(count, dtype=np.uint32)) & (len(self._completions) - 1)
        done = self._completions[at]
        results[done["index"].astype(np.intp)] = done["result"]
        self._cq_head[0] = (head + count) & _WORD

    def close(self) -> None:
        """Give everything back."""
        self._sq_head = self._sq_tail = self._cq_head = self._cq_tail = self._order = _NOTHING
        self._completions = self._entries = _NOTHING
        for mapping in self._maps:
            mapping.close()
        self._maps.clear()
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
