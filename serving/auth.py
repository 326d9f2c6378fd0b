"""Let requests in that are meant for this host, come from no other site's page, and carry the token if there is one."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestration.lib.core.errors import UsageError
from serving import pages

LOGIN = "/login"
COOKIE = "vitalhouse"
# `secrets.token_urlsafe(16)` gives 22 characters: nobody can guess them, and no word or name is as long.
LEAST_TOKEN_LENGTH = 20
# What our pages may do in a browser: load and request what this server has, and nothing from another host. marimo's
# pages contain scripts and styles, and Vega compiles the expressions of a chart.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; worker-src 'self' blob:; "
        "frame-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
# A form with a token has some dozen bytes.
_LONGEST_FORM_BYTES = 4096
_MAKE_ONE = 'python -c "import secrets; print(secrets.token_urlsafe())" > token.txt'


def read_token(path: Path) -> str:
    """Read the token from a file.

    Raises
    ------
    UsageError
        If the file cannot be read, or holds no token of sufficient length.
    """
    try:
        token = path.read_text("ascii").strip()
    except OSError as error:
        raise UsageError(f"cannot read the token file {path}: {error.strerror}. Make one: {_MAKE_ONE}") from None
    except UnicodeDecodeError:
        raise UsageError(
            f"the token in {path} has characters that no header can carry. Make one: {_MAKE_ONE}"
        ) from None
    if len(token) < LEAST_TOKEN_LENGTH or len(token.split()) != 1:
        raise UsageError(
            f"{path} must hold one token of at least {LEAST_TOKEN_LENGTH} characters and nothing else. "
            f"Make one: {_MAKE_ONE}"
        )
    return token


def is_loopback(host: str) -> bool:
    """Return whether a server on this host can be reached from this machine only."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def check_binding(host: str, token: str | None) -> None:
    """Refuse to serve health data on a network without a token.

    Raises
    ------
    UsageError
        If the host can be reached from other machines and there is no token.
    """
    if token is None and not is_loopback(host):
        raise UsageError(
            f"refused to listen on {host} without a token: everybody who reaches this machine could read health data. "
            f"Give --token-file F ({_MAKE_ONE}), or leave out --host to serve this machine alone"
        )


class AuthMiddleware:
    """Passes requests on to an app, or refuses them.

    Programs send the token as ``Authorization: Bearer …``. A browser asks for it once, in a form, and keeps a cookie
    made of it: a token in an address would be kept in histories and logs.
    """

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self.app = app
        self._token = token.encode() if token else None
        # Not the token itself: a cookie that is read by others cannot be used as a token.
        self._cookie = hmac.new(self._token, b"vitalhouse cookie", hashlib.sha256).hexdigest() if self._token else ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request or a web socket."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None and self._token and scope["type"] == "http" and scope["path"] == LOGIN:
            refusal = await self._log_in(Request(scope, receive))
        elif refusal is None and self._token and not self._has_token(scope):
            refusal = _unauthorized(scope)
        if scope["type"] == "http":
            send = _with_headers(send)
        if refusal is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            # The web socket is not accepted yet: the browser gets a 403.
            await send({"type": "websocket.close", "code": 1008})
        else:
            await refusal(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        """Refuse requests that another site's page makes in the name of the user of this machine."""
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if self._token is None and not is_loopback(_host_name(host)):
            return _problem(
                421,
                f"this server answers to 127.0.0.1 and localhost, not to {host[:100] or 'a request without a Host'}",
            )
        if origin is not None and urlsplit(origin).netloc != host:
            return _problem(403, "this server answers no page of another site")
        return None

    def _has_token(self, scope: Scope) -> bool:
        assert self._token is not None
        headers = Headers(scope=scope)
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return hmac.compare_digest(token.strip().encode("latin-1"), self._token)
        return any(
            hmac.compare_digest(value.encode("latin-1"), self._cookie.encode())
            for value in _cookies(headers.getlist("cookie"))
        )

    async def _log_in(self, request: Request) -> Response:
        if request.method in ("GET", "HEAD"):
            return HTMLResponse(pages.login())
        if request.method != "POST":
            return _problem(405, "the token is sent by POST")
        body = b""
        try:
            async for chunk in request.stream():
                body += chunk
                if len(body) > _LONGEST_FORM_BYTES:
                    return _problem(413, "this is longer than a token can be")
        except ClientDisconnect:
            return _problem(400, "the form was cut off")
        token = parse_qs(body.decode("latin-1")).get("token", [""])[0].strip()
        assert self._token is not None
        if not hmac.compare_digest(token.encode(errors="replace"), self._token):
            return HTMLResponse(pages.login("That is not the token."), 401)
        response = RedirectResponse("/", 303)
        is_secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, self._cookie, httponly=True, samesite="strict", secure=is_secure)
        return response


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(HEADERS)
        await send(message)

    return send_with_headers


def _host_name(host: str) -> str:
    """Return the name in a Host header: ``[::1]:8000`` and ``localhost:8000`` have a port."""
    return host.rpartition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0].lower()


def _cookies(headers: list[str]) -> list[str]:
    values = []
    for header in headers:
        try:
            morsel = SimpleCookie(header).get(COOKIE)
        except CookieError:
            continue
        if morsel:
            values.append(morsel.value)
    return values


def _unauthorized(scope: Scope) -> Response:
    """Answer a browser with the form, a program with a sentence."""
    if "text/html" in Headers(scope=scope).get("accept", ""):
        return HTMLResponse(pages.login(), 401)
    return _problem(
        401,
        "the token is missing or wrong: send it as `Authorization: Bearer TOKEN`",
        {"WWW-Authenticate": 'Bearer realm="vitalhouse"'},
    )


def _problem(status: int, sentence: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"detail": sentence}, status, headers)
