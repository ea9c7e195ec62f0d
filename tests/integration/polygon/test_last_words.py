"""What a provider says before it ends a session, while a request is unanswered, does not outlive that session."""

from __future__ import annotations

import json

import pytest
from websockets.asyncio.server import ServerConnection, serve

from tests.integration.polygon.conftest import Start
from tests.support.until import until

TOPICS = {"A.X", "A.Y"}


class Provider:
    """Ends the first session at its first request, with the last words given; serves those that follow."""

    def __init__(self, *last_words: str) -> None:
        self.last_words = last_words
        self.sessions = 0

    async def serve(self, client: ServerConnection) -> None:
        self.sessions += 1
        first = self.sessions == 1
        await self.say(client, "connected", "Connected Successfully")
        await client.recv()
        await self.say(client, "auth_success", "authenticated")
        async for request in client:
            if first:
                await self.say(client, *self.last_words)
                await client.close(1008)
                return
            for topic in json.loads(request)["params"].split(","):
                await self.say(client, "success", f"subscribed to: {topic}")

    async def say(self, client: ServerConnection, status: str, message: str) -> None:
        await client.send(json.dumps([{"ev": "status", "status": status, "message": message}]))


@pytest.mark.parametrize(
    ("status", "message"),
    [
        ("max_connections", "Maximum number of websocket connections exceeded."),
        ("auth_timeout", "You did not authenticate in time."),
        ("error", "disconnected: slow consumer"),
        ("maintenance", "back in a minute"),
    ],
)
async def test_the_next_session_asks_for_everything(rig: Start, status: str, message: str) -> None:
    provider = Provider(status, message)
    async with serve(provider.serve, "127.0.0.1", 0) as server:
        host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        live = await rig(whole=False, settings={"host": host}, silence=600.0, refused_first=600.0, refused_limit=600.0)
        live.supervisor.want(TOPICS)
        await until(lambda: provider.sessions == 2 and live.report["settled"], "the second session")
        assert live.confirmed == TOPICS
        assert not live.supervisor.topics.refused
        await until(lambda: live.ledger[-1]["to"], "the repair")
