"""Relay TCP connections: `python -m e2e.providers.keycloak.relay PORT TO`.

Keycloak's issuer is the URL that it is asked by. So a test has an issuer of its own, which can hang
and die, while others use the same Keycloak.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress

from e2e.providers.leaving import leave_with_parent

CHUNK = 64 * 1024


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()
    writer.close()


async def main(port: int, to: int) -> None:
    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        other_reader, other_writer = await asyncio.open_connection("127.0.0.1", to)
        await asyncio.gather(copy(reader, other_writer), copy(other_reader, writer))

    server = await asyncio.start_server(relay, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    leave_with_parent()
    asyncio.run(main(*map(int, sys.argv[1:])))
