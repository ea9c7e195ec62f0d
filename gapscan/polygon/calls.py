"""Calls of the official client, bounded in time.

The client is synchronous, retries on its own and ignores its read timeout; each call therefore runs on a thread of
its own and is given up after some seconds.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import unquote

import urllib3

from gapscan.errors import UnansweredError
from gapscan.polygon.certificates import trusted_certificates
from gapscan.polygon.library import Library, client_library
from gapscan.polygon.proxies import proxy_for
from gapscan.polygon.refusals import translated

_CONNECTIONS: Final = 16  # that are kept: four each for details, missed bars and charts, and the rest
_LINGER: Final = 1.0  # seconds by which the client is more patient, so that it is the limit here that ends a call


def open_client(library: Library, base: str, key: str, timeout: float, retries: int, proxy: str | None) -> Any:
    """The client for one account, whose requests end by themselves soon after `timeout` seconds."""
    client = client_library(library).RESTClient(api_key=key, base=base, pagination=False, retries=retries)
    # The client makes a timeout and never uses it; without one, an abandoned thread would live for ever.
    pool = client.client.connection_pool_kw
    pool["timeout"] = urllib3.Timeout(connect=timeout + _LINGER, read=timeout + _LINGER)
    pool["maxsize"] = _CONNECTIONS
    pool["ca_certs"] = trusted_certificates()
    # A call that was given up must not go on asking by itself; refusals (429, 5xx) are still retried by the client.
    pool["retries"] = pool["retries"].new(read=0)
    if through := proxy_for(base, proxy):
        client.client = urllib3.ProxyManager(
            through, headers=client.client.headers, proxy_headers=_login(through), **pool
        )
    return client


def _login(proxy: str) -> dict[str, str]:
    """What lets us through the proxy, if its URL has a user."""
    user = urllib3.util.parse_url(proxy).auth
    return dict(urllib3.util.make_headers(proxy_basic_auth=unquote(user))) if user else {}


def forget(url: str, body: bytes) -> None:
    """Nothing is recorded."""


async def bounded(
    what: str, call: Callable[[], Any], timeout: float, keep: Callable[[str, bytes], None] = forget
) -> bytes:
    """The body that `call` brings, run on a daemon thread: one that is stuck holds up nothing, not even exit.

    `keep` gets URL and body, on that thread. Raises UnansweredError after `timeout` seconds, FeedError.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[bytes] = loop.create_future()
    threading.Thread(target=_run, args=(call, keep, loop, result), name=f"rest {what}", daemon=True).start()
    try:
        async with asyncio.timeout(timeout):
            return await result
    except TimeoutError:
        raise UnansweredError(f"{what} did not come within {timeout:g} s") from None
    except Exception as error:  # noqa: BLE001  # the client raises whatever its HTTP stack does
        raise translated(what, error) from None


def _run(
    call: Callable[[], Any],
    keep: Callable[[str, bytes], None],
    loop: asyncio.AbstractEventLoop,
    result: asyncio.Future[bytes],
) -> None:
    try:
        response = call()
        body, fault = bytes(response.data), None
        keep(response.geturl() or "", body)
    except Exception as error:  # noqa: BLE001  # handed to the caller, who translates it
        body, fault = b"", error

    def settle() -> None:
        if result.done():
            return
        if fault is not None:
            result.set_exception(fault)
        else:
            result.set_result(body)

    if not loop.is_closed():
        loop.call_soon_threadsafe(settle)
