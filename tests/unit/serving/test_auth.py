"""Requests are let in with the token, or from this machine under its own names, and never from another site's page."""

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from orchestration.lib.core.errors import UsageError
from serving.auth import AuthMiddleware, check_binding, is_loopback, read_token

TOKEN = "a-token-of-more-than-twenty-characters"
BROWSER = {"accept": "text/html,*/*;q=0.8"}


async def greet(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("in")
    await websocket.close()


def client(token: str | None = TOKEN, url: str = "http://127.0.0.1:8000") -> TestClient:
    routes = [Route("/{path:path}", lambda request: PlainTextResponse("in")), WebSocketRoute("/ws", greet)]
    return TestClient(AuthMiddleware(Starlette(routes=routes), token), base_url=url, follow_redirects=False)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def is_open(caller: TestClient, **headers: str) -> bool:
    try:
        with caller.websocket_connect("ws://127.0.0.1:8000/ws", headers=headers) as websocket:
            return bool(websocket.receive_text() == "in")
    except WebSocketDisconnect:
        return False


@pytest.mark.parametrize("path", ["/", "/health", "/metrics", "/docs", "/openapi.json", "/api/subjects", "/apps/ecg/"])
def test_nothing_is_open_without_the_token(path: str) -> None:
    refused = client().get(path)
    assert refused.status_code == 401
    assert "Bearer" in refused.headers["www-authenticate"]
    assert "token is missing or wrong" in refused.json()["detail"]
    assert client().get(path, headers=bearer(TOKEN)).text == "in"


@pytest.mark.parametrize(
    "headers",
    [
        bearer(TOKEN[:-1]),
        bearer(TOKEN + "x"),
        bearer(""),
        {"authorization": TOKEN},
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": "Bearer \xff"},
        {"cookie": f"vitalhouse={TOKEN}"},
        {"cookie": "vitalhouse=\xff"},
        {"cookie": "vitalhouse"},
    ],
)
def test_nothing_else_is_the_token(headers: dict[str, str]) -> None:
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    assert client().get("/", headers=encoded).status_code == 401


def test_a_websocket_needs_the_token_too() -> None:
    assert is_open(client(None))
    assert not is_open(client())
    assert not is_open(client(), **bearer("wrong"))
    assert is_open(client(), **bearer(TOKEN))


def test_a_browser_is_asked_once_and_keeps_a_cookie_that_is_not_the_token() -> None:
    browser = client()
    refused = browser.get("/apps/ecg/", headers=BROWSER)
    assert refused.status_code == 401
    assert 'type="password"' in refused.text
    assert browser.post("/login", data={"token": "wrong"}).status_code == 401
    assert browser.get("/").status_code == 401
    entered = browser.post("/login", data={"token": f" {TOKEN} "})
    assert (entered.status_code, entered.headers["location"]) == (303, "/")
    cookie = entered.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert TOKEN not in cookie
    assert browser.get("/apps/ecg/", headers=BROWSER).text == "in"
    assert is_open(browser)
    # Its value is no token.
    assert client().get("/", headers=bearer(browser.cookies["vitalhouse"])).status_code == 401


def test_the_cookie_is_sent_over_tls_alone_where_there_is_tls() -> None:
    entered = client(url="https://house.example").post("/login", data={"token": TOKEN})
    assert "Secure" in entered.headers["set-cookie"]


def test_a_form_longer_than_any_token_is_not_read() -> None:
    assert client().post("/login", content=b"token=" + b"x" * 10_000).status_code == 413


def test_another_sites_page_is_refused_also_with_the_cookie() -> None:
    browser = client()
    browser.post("/login", data={"token": TOKEN})
    for origin in ("http://evil.example", "null", "http://127.0.0.1:9999", "http://127.0.0.1:8000.evil.example"):
        assert browser.get("/api/subjects", headers={"origin": origin}).status_code == 403
        assert not is_open(browser, origin=origin)
        assert not is_open(client(None), origin=origin)
    assert browser.get("/api/subjects", headers={"origin": "http://127.0.0.1:8000"}).status_code == 200
    assert is_open(browser, origin="http://127.0.0.1:8000")


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "LOCALHOST", "[::1]:8000", "127.0.0.2"])
def test_this_machine_is_answered_by_its_own_names(host: str) -> None:
    assert client(None).get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.5:8000", "", "[::2]:8000"])
def test_a_name_that_leads_here_from_elsewhere_is_not_answered(host: str) -> None:
    """DNS rebinding: another site's name is made to mean this machine."""
    refused = client(None).get("/", headers={"host": host})
    assert refused.status_code == 421
    assert "answers to 127.0.0.1 and localhost" in refused.json()["detail"]
    assert not is_open(client(None), host=host)


def test_pages_may_ask_no_other_host() -> None:
    for answer in (client(None).get("/"), client().get("/"), client().get("/", headers=bearer(TOKEN))):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "http:" not in policy
        assert "https:" not in policy
        assert "*" not in policy


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "[::1]", "localhost", "127.1.2.3"])
def test_this_machine_alone_needs_no_token(host: str) -> None:
    assert is_loopback(host)
    check_binding(host, None)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "house.example"])
def test_a_network_is_not_served_without_a_token(host: str) -> None:
    with pytest.raises(UsageError, match=f"refused to listen on {host} without a token: everybody .* --token-file"):
        check_binding(host, None)
    check_binding(host, TOKEN)


def test_a_token_file_holds_one_token(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    assert read_token(path) == TOKEN
    for bad in ("", "short", "two tokens that are long enough", "ä" * 30):
        path.write_text(bad)
        with pytest.raises(UsageError, match=r"secrets\.token_urlsafe"):
            read_token(path)
    with pytest.raises(UsageError, match="cannot read the token file"):
        read_token(tmp_path / "none")
