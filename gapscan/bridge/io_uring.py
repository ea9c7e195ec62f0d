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
from contextlib import AbstractContextManager
from typing import Any, Final

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


_library: Final = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def system_call(number: int, *arguments: Any) -> int:
    """A system call that libc has no function for. Raises OSError."""
    assert _library is not None  # for the type checker: on Linux
    result: int = _library.syscall(number, *arguments)
    if result < 0:
        raise OSError(code := ctypes.get_errno(), os.strerror(code))
    return result


class IoUring(AbstractContextManager["IoUring"]):
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
        try:
            self._map(parameters)
            self._prove()
        except BaseException:
            self.close()
            raise

    def _map(self, p: Any) -> None:
        if p.features & _FEATURES != _FEATURES:
            raise OSError(errno.ENOSYS, "the kernel's io_uring is too old")
        rings = self._shared(0, max(p.sq_array + 4 * p.entries, p.cq_cqes + _COMPLETION.itemsize * p.completions))
        self._sq_head, self._sq_tail, self._cq_head, self._cq_tail = (
            np.frombuffer(rings, np.uint32, 1, at) for at in (p.sq_head, p.sq_tail, p.cq_head, p.cq_tail)
        )
        self._completions = np.frombuffer(rings, _COMPLETION, p.completions, p.cq_cqes)
        self._entries = np.frombuffer(self._shared(_ENTRIES_OFFSET, p.entries * _ENTRY.itemsize), _ENTRY)
        places = np.arange(p.entries, dtype=np.uint32)
        np.frombuffer(rings, np.uint32, p.entries, p.sq_array)[:] = places  # each entry is asked for at its own place
        self._entries["opcode"] = OP_SEND
        self._entries["flags"] = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
        self._entries["index"] = places

    def _shared(self, offset: int, size: int) -> mmap.mmap:
        """Memory that is given back once no array is on it any more."""
        return mmap.mmap(self.fd, size, mmap.MAP_SHARED | mmap.MAP_POPULATE, offset=offset)

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
        at = 0
        try:
            while at < len(numbers) and self.failed is None:
                at += self._serve(numbers[at:], results[at:])
        except BaseException:
            self.failed = OSError(errno.ECANCELED, os.strerror(errno.ECANCELED))
            raise
        return results

    def _serve(self, numbers: NDArray[np.int32], results: NDArray[np.int32]) -> int:
        """Have the kernel serve the first of them, as many as fit in before the entries' end; how many these are."""
        tail, head = int(self._sq_tail[0]), int(self._cq_head[0])
        first, done = tail & (len(self._entries) - 1), head & (len(self._completions) - 1)
        count = min(len(numbers), len(self._entries) - first)
        self._entries["fd"][first : first + count] = numbers[:count]
        self._sq_tail[0] = (tail + count) & _WORD
        self._enter(count)
        # There are as many completions as requests, and room for twice as many: these neither pass the end.
        completions = self._completions[done : done + self._done]
        results[completions["index"].astype(np.intp) - first] = completions["result"]
        self._cq_head[0] = (head + len(completions)) & _WORD
        return count

    def _enter(self, count: int) -> None:
        """Until all are served: an entry is used again only after that."""
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

    def close(self) -> None:
        """Give the ring back; what is sent then fails."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __exit__(self, *_: object) -> None:
        self.close()
