"""Views for a script without an event loop: a thread of their own follows, and hands over the newest."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, suppress

from gapscan.client.view import ListView

Views = Callable[[], AsyncGenerator[ListView, None]]


def relayed(views: Views, thread_name: str) -> Iterator[ListView]:
    """What `views` gives, followed in a thread so that the link is kept alive while the caller is busy."""
    relay = _Relay()
    thread = threading.Thread(target=relay.run, args=(views,), name=thread_name, daemon=True)
    thread.start()
    try:
        while (item := relay.newest.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        relay.stop()
        thread.join()


class _Relay:
    """Hands the newest view from the thread that follows to the one that reads; older ones are skipped."""

    def __init__(self) -> None:
        self.newest: queue.Queue[ListView | BaseException | None] = queue.Queue(maxsize=1)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._ready = threading.Event()

    def run(self, views: Views) -> None:
        try:
            asyncio.run(self._pump(views))
        except BaseException as error:  # noqa: BLE001  # raised again on the reader's side
            self._offer(error)
        finally:
            self._ready.set()
        self._offer(None)

    async def _pump(self, views: Views) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        self._ready.set()
        try:
            async with aclosing(views()) as coming:
                async for view in coming:
                    self._offer(view)
        except asyncio.CancelledError:
            return

    def _offer(self, item: ListView | BaseException | None) -> None:
        while True:
            try:
                self.newest.put_nowait(item)
            except queue.Full:
                try:
                    waiting = self.newest.get_nowait()
                except queue.Empty:
                    continue
                if isinstance(waiting, BaseException):
                    item = waiting
            else:
                return

    def stop(self) -> None:
        self._ready.wait()
        if self._loop is not None and self._task is not None:
            with suppress(RuntimeError):  # the loop is closed: it has ended by itself
                self._loop.call_soon_threadsafe(self._task.cancel)
