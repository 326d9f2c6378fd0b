"""Run the web server on a port until Ctrl-C, for `vitalhouse serve`."""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import uvicorn

from orchestration.lib.core.errors import VitalhouseError
from orchestration.lib.core.home import Home
from serving.app import create_app
from serving.auth import check_binding, read_token

# An open page keeps its connection open; the end of the server need not wait for it.
_GRACE_SECONDS = 2
# More than the clients that connect at the same time.
_BACKLOG = 256


def serve(home: Home, host: str, port: int, token_path: Path | None, echo: Callable[[str], None] = print) -> None:
    """Serve the published file of a home until the process is interrupted.

    Raises
    ------
    UsageError
        If the host can be reached from other machines and there is no token, or the token file holds none.
    VitalhouseError
        If the port is taken or cannot be used.
    """
    token = read_token(token_path) if token_path else None
    check_binding(host, token)
    listening = _listen(host, port)
    app = create_app(home, token)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    shown_host = f"[{host}]" if ":" in host else host
    echo(f"Vitalhouse is on http://{shown_host}:{listening.getsockname()[1]} (Ctrl-C ends it)")
    if not home.published_path.exists():
        echo("nothing is published yet: run `vitalhouse build`; its publication shows without a restart")
    # uvicorn shuts down and then raises the signal again; asyncio may have handled it already.
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening])
    echo("ended")
    # Apps that are still open run in threads that nothing ends. While Python shuts down, a thread inside a library's
    # C++ code may abort the process (seen: "terminate called without an active exception").
    sys.stdout.flush()
    os._exit(0)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        # Clients that connect before the server has started wait for it.
        listening.listen(_BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise VitalhouseError(
                f"port {port} of {host} is taken, perhaps by another `vitalhouse serve`: choose another with --port"
            ) from None
        raise VitalhouseError(f"cannot listen on port {port} of {host}: {error.strerror}") from None
    return listening
