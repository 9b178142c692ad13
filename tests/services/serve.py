"""Serve every described service from one process: ``python -m services.serve FOLDER``."""

import asyncio
import logging
import os
import ssl
import sys
from pathlib import Path

import uvicorn
from services import edge
from services.behaviour import Behaviour, decode

SUITES = "ECDHE+AESGCM:ECDHE+CHACHA20"


def servers(behaviour: Behaviour, certificate: Path, key: Path):
    """Yield the server over TLS, and the one over plain HTTP."""
    common = {"host": "127.0.0.1", "log_level": "critical", "lifespan": "off", "ws": "none"}
    secure = uvicorn.Config(
        edge.make(behaviour),
        port=behaviour.port,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        ssl_ciphers=SUITES,
        **common,
    )
    secure.load()
    if behaviour.has("old_tls"):
        secure.ssl.set_ciphers(f"{SUITES}:ECDHE+AES:@SECLEVEL=0")
        secure.ssl.minimum_version = ssl.TLSVersion.TLSv1
    yield uvicorn.Server(secure)
    plain = uvicorn.Config(edge.make_plain(behaviour), port=behaviour.plain_port, **common)
    yield uvicorn.Server(plain)


async def main(certificate: Path, key: Path, text: str) -> None:
    found = [one for each in decode(text) for one in servers(each, certificate, key)]
    await asyncio.gather(*(one.serve() for one in found))


if __name__ == "__main__":
    logging.disable()
    folder = Path(sys.argv[1])
    asyncio.run(
        main(folder / "cert.pem", folder / "key.pem", (folder / "services.json").read_text())
    )
    os._exit(0)
