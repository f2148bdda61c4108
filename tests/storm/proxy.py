"""TCP proxies in a process of their own, between the parts of the installation: ``python -m tests.storm.proxy ROUTES``.

One event loop carries all connections, which threads would not at the storm's load. A command is a line of JSON on the control port.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import uvloop

__all__ = ["Network", "Trouble"]

_CHUNK = 1 << 16


class Trouble(StrEnum):
    """Trouble of all connections of a route."""

    NONE = "none"
    REFUSE = "refuse"
    """Nothing listens; open connections end."""
    CUT = "cut"
    """Connections end at a random moment."""
    HALVE = "halve"
    """Now and then, half of what a side has sent arrives, and the connection ends."""
    DELAY = "delay"
    """Everything arrives late."""
    HANG = "hang"
    """Nothing arrives, and no connection ends until the trouble does."""
    GARBAGE = "garbage"
    """Now and then, noise arrives instead of a reply."""


@dataclass
class _Route:
    backends: list[tuple[str, int]]
    port: int
    trouble: Trouble = Trouble.NONE
    server: asyncio.Server | None = None
    open: set[asyncio.StreamWriter] = field(default_factory=set)
    turn: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self) -> None:
        self.server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, backlog=1024)
        self.port = self.server.sockets[0].getsockname()[1]

    async def change(self, trouble: Trouble) -> None:
        before, self.trouble = self.trouble, trouble
        self.ended.set()
        self.ended = asyncio.Event()
        if trouble is Trouble.REFUSE and self.server is not None:
            self.server.close()
        if trouble is Trouble.REFUSE or before is Trouble.HANG:
            for writer in list(self.open):
                writer.transport.abort()
        if before is Trouble.REFUSE and trouble is not Trouble.REFUSE:
            await self.listen()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            opened = await self._connect()
            if opened is None:
                writer.transport.abort()
                return
            server_reader, server_writer = opened
        except BaseException:
            writer.transport.abort()
            raise
        self.open |= {writer, server_writer}
        flows = (self._relay(reader, server_writer, False), self._relay(server_reader, writer, True))
        try:
            with suppress(_BrokenOff):
                await asyncio.gather(*flows)
        finally:
            self.open -= {writer, server_writer}
            for each in (writer, server_writer):
                each.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """Return a connection to the next backend that accepts one."""
        for _ in self.backends:
            self.turn += 1
            with suppress(OSError):
                return await asyncio.open_connection(*self.backends[self.turn % len(self.backends)])
        return None

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, reply: bool) -> None:
        try:
            while chunk := await reader.read(_CHUNK):
                if self.trouble is not Trouble.NONE:
                    chunk = await self._troubled(chunk, reply)
                writer.write(chunk)
                await writer.drain()
        except _BrokenOff as broken:
            with suppress(OSError):
                writer.write(broken.rest)
                await writer.drain()
            raise
        except OSError as error:
            raise _BrokenOff(b"") from error
        else:
            with suppress(OSError, RuntimeError):
                writer.write_eof()

    async def _troubled(self, chunk: bytes, reply: bool) -> bytes:
        match self.trouble:
            case Trouble.DELAY:
                await asyncio.sleep(random.uniform(0.1, 0.8))
            case Trouble.HANG:
                await self.ended.wait()
            case Trouble.CUT if random.random() < 0.05:
                raise _BrokenOff(b"")
            case Trouble.HALVE if random.random() < 0.1:
                raise _BrokenOff(chunk[: len(chunk) // 2])
            case Trouble.GARBAGE if reply and random.random() < 0.3:
                raise _BrokenOff(random.randbytes(200))
        return chunk


class _BrokenOff(Exception):
    def __init__(self, rest: bytes) -> None:
        self.rest = rest


async def _main(routes: dict[str, _Route], port: int) -> None:
    for route in routes.values():
        await route.listen()

    async def control(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            command = json.loads(line)
            route = routes[command["route"]]
            if "backends" in command:
                route.backends = [tuple(each) for each in command["backends"]]
            if "trouble" in command:
                await route.change(Trouble(command["trouble"]))
            writer.write(b"ok\n")
            await writer.drain()

    server = await asyncio.start_server(control, "127.0.0.1", port)
    await server.serve_forever()


class Network:
    """Client of the proxies' control port."""

    def __init__(self, port: int) -> None:
        self._port = port

    def command(self, route: str, **members: Any) -> None:
        """Change a route: its ``trouble``, or its ``backends``."""
        with socket.create_connection(("127.0.0.1", self._port), timeout=60) as connection:
            connection.sendall(json.dumps({"route": route, **members}).encode() + b"\n")
            assert connection.recv(16) == b"ok\n"


if __name__ == "__main__":
    described = json.loads(sys.argv[1])
    chosen = {
        name: _Route([("127.0.0.1", port) for port in ports], listening)
        for name, (listening, ports) in described["routes"].items()
    }
    uvloop.run(_main(chosen, described["control"]))
