"""Iteration for a script without an event loop: a background thread follows the list and hands over the newest view."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, suppress

from gapscan.client.view import ListView

Views = Callable[[], AsyncGenerator[ListView, None]]


def iterate_blocking(views: Views, thread_name: str) -> Iterator[ListView]:
    """The views of an async generator, which runs in a thread of its own: the link is alive while the caller is busy.

    A caller that is slower than the list gets the newest view and misses those between. What the generator raises is
    raised here. The thread ends with the iteration.
    """
    follower = _BackgroundFollower()
    thread = threading.Thread(target=follower.run, args=(views,), name=thread_name, daemon=True)
    thread.start()
    try:
        while (item := follower.mailbox.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        follower.stop()
        thread.join()


class _BackgroundFollower:
    """An event loop in a thread. Its mailbox has room for one item: the newest view, an error, or None for the end."""

    def __init__(self) -> None:
        self.mailbox: queue.Queue[ListView | BaseException | None] = queue.Queue(maxsize=1)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._started = threading.Event()

    def run(self, views: Views) -> None:
        """Follow until the views end or `stop` is called: the thread's target."""
        try:
            asyncio.run(self._follow(views))
        except BaseException as error:  # noqa: BLE001  # raised again in the caller's thread
            self._post(error)
        finally:
            self._started.set()
        self._post(None)

    async def _follow(self, views: Views) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        self._started.set()
        try:
            async with aclosing(views()) as generator:
                async for view in generator:
                    self._post(view)
        except asyncio.CancelledError:
            return

    def _post(self, item: ListView | BaseException | None) -> None:
        """Replace what lies in the mailbox, but for an error, which must be heard of."""
        while True:
            try:
                self.mailbox.put_nowait(item)
            except queue.Full:
                try:
                    unread = self.mailbox.get_nowait()
                except queue.Empty:
                    continue
                if isinstance(unread, BaseException):
                    item = unread
            else:
                return

    def stop(self) -> None:
        """Cancel the following; called in the caller's thread."""
        self._started.wait()
        if self._loop is not None and self._task is not None:
            with suppress(RuntimeError):  # the loop is closed: it has ended by itself
                self._loop.call_soon_threadsafe(self._task.cancel)
