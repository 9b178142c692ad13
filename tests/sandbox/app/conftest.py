"""Quill without servers: the hardened application in this process, asked through ASGI."""

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

pytest.importorskip("fraiseql", reason="not installed: readiness-kit[sandbox]")

from readiness_kit.sandbox.app.faults import inject
from readiness_kit.sandbox.app.hardened import build
from readiness_kit.sandbox.app.settings import Settings
from readiness_kit.sandbox.app.token import mint

SETTINGS = Settings(
    jwt_secret="5e" * 32,
    database_url="postgresql://nobody@127.0.0.1:1/none?sslmode=disable",
    pool_timeout_s=0.2,
)


class Quill:
    """The application with some faults, and its log."""

    def __init__(self, faults: str, log: Path, **changed: object) -> None:
        self.log = log
        self.settings = inject(msgspec.structs.replace(SETTINGS, log_file=log, **changed), faults)
        self._transport = httpx.ASGITransport(build(self.settings))

    async def ask(self, query: str, who: str | None = "reader", **more: object) -> httpx.Response:
        """POST *query* as *who*: a case of token.mint, a token, or nobody."""
        return await self.post(json.dumps({"query": query, **more}), who)

    async def post(self, body: str, who: str | None = "reader", **headers: str) -> httpx.Response:
        """POST *body*."""
        sent = {"content-type": "application/json", **headers}
        if who:
            token = who if "." in who else mint(who, SETTINGS)
            sent["authorization"] = f"Bearer {token}"
        return await self.request("POST", "/graphql", content=body, headers=sent)

    async def request(self, method: str, path: str, **more: object) -> httpx.Response:
        """Send one request."""
        async with httpx.AsyncClient(transport=self._transport, base_url="http://quill") as client:
            return await client.request(method, path, **more)

    def lines(self) -> list[dict[str, object]]:
        """Return what was logged."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@pytest.fixture
def quill(tmp_path: Path) -> Iterator[Callable[..., Quill]]:
    """Makes applications; puts the logging of this process back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield lambda faults="", **changed: Quill(faults, tmp_path / "quill.jsonl", **changed)
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
