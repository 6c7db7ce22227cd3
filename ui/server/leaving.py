"""What a browser session held is given back once it can no longer return.

Streamlit keeps the session of a browser that has left for a while (its setting
`server.disconnectedSessionTTL`), but lets go of it only when the next one leaves. Until then each
holds its uploads, its state and an event loop with three file descriptors.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from streamlit import runtime
from streamlit.runtime.caching.ttl_cache import TTLCache
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.websocket_session_manager import WebsocketSessionManager

from ui.server.ahead import make_ready

_EVERY_SECONDS = 5


@asynccontextmanager
async def sessions_let_go(_app: object) -> AsyncIterator[None]:
    """While the server runs, let go of sessions whose time is up. What pages need is made ready."""
    make_ready()
    task = asyncio.create_task(_keep_letting_go())
    try:
        yield
    finally:
        task.cancel()


async def _keep_letting_go() -> None:
    while True:
        await asyncio.sleep(_EVERY_SECONDS)
        let_go()


def let_go() -> None:
    """Let go of the sessions whose time is up, now. To be called on the server's event loop."""
    manager = runtime.get_instance()._session_mgr
    storage = manager._session_storage if isinstance(manager, WebsocketSessionManager) else None
    kept = storage._cache if isinstance(storage, MemorySessionStorage) else None
    if isinstance(kept, TTLCache):
        kept.expire()
