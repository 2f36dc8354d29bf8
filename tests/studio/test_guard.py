"""Who is let in, whatever the routes behind."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from asking import Answer, ask
from starlette.responses import PlainTextResponse

from groovefast.studio.guard import LOOPBACK_NAMES, Door, Guard

TOKEN = "a-token-of-some-length"


Asked = Callable[..., Answer]


def at(door: Door) -> Asked:
    """Asks at a door: method, target, and headers by their names, with _ for -."""

    def asked(method: str, target: str, *more: tuple[str, str], **headers: str) -> Answer:
        named = [(name.replace("_", "-"), value) for name, value in headers.items()]
        return ask(Guard(PlainTextResponse("in"), door), method, target, b"", [*more, *named])

    return asked


@pytest.fixture
def here() -> Asked:
    return at(Door(8765))


@pytest.fixture
def network() -> Asked:
    return at(Door(8765, (*LOOPBACK_NAMES, "studio.lan"), TOKEN))


def refused(answer: Answer) -> bool:
    """Whether it is so, in a line, and never with what is behind."""
    if answer.status != 403:
        assert (answer.status, answer.body) == (200, b"in")
        return False
    assert list(answer.json) == ["error"]
    assert "\n" not in answer.json["error"]
    return True


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8765", "localhost:8765", "LocalHost:8765", "[::1]:8765"]
)
def test_own_names_are_let_in(here: Asked, host: str) -> None:
    assert not refused(here("GET", "/", host=host))


@pytest.mark.parametrize(
    "host",
    [
        *(
            "evil.example:8765",
            "127.0.0.1",
            "127.0.0.1:80",
            "127.0.0.1:8766",
            "127.0.0.1:",
            ":8765",
        ),
        *("", "localhost.:8765", "localhost.evil.example:8765", "evil.example", "[::1]", "::1"),
        *("user@127.0.0.1:8765", "127.0.0.1:8765:8765", "127.0.0.1:08765", "\xe9:8765", "0:8765"),
    ],
)
def test_other_names_are_not(here: Asked, host: str) -> None:
    """A name that was made to lead here is still another name."""
    assert refused(here("GET", "/", host=host))


def test_two_names_are_none(here: Asked) -> None:
    assert refused(here("GET", "/", ("host", "127.0.0.1:8765"), ("host", "evil.example:8765")))


def test_at_port_80_browsers_leave_it_out() -> None:
    at_80 = at(Door(80))
    for host in ("localhost", "localhost:80", "[::1]"):
        assert not refused(at_80("GET", "/", host=host))


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "HEAD"])
def test_other_origins_are_refused(here: Asked, method: str) -> None:
    for origin in (
        *("http://evil.example", "null", "https://127.0.0.1:8765", "http://127.0.0.1", ""),
        "http://localhost:8765",
    ):
        assert refused(here(method, "/api/x", origin=origin))
    assert not refused(here(method, "/api/x", origin="http://127.0.0.1:8765"))


def test_other_sites_may_only_lead_to_the_page(here: Asked) -> None:
    for site in ("cross-site", "same-site"):
        visit = {"sec_fetch_site": site, "sec_fetch_mode": "navigate"}
        assert not refused(here("GET", "/", **visit))
        assert refused(here("GET", "/api/x", **visit))
        assert refused(here("POST", "/", **visit))
        assert refused(here("GET", "/", **{**visit, "sec_fetch_mode": "no-cors"}))
    for site in ("same-origin", "none"):
        assert not refused(here("GET", "/api/x", sec_fetch_site=site))


def test_headers_are_on_every_answer(here: Asked) -> None:
    for headers in (here("GET", "/").headers, here("GET", "/", origin="null").headers):
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"


def test_without_the_token_nothing_is_served(network: Asked) -> None:
    for path in ("/", "/page/app.js", "/api/studio", "/voices/0-0-0.wav", "/?token", "/?token="):
        assert refused(network("GET", path))
    for token in (TOKEN[:-1], f"{TOKEN}x", TOKEN.upper(), "\xe9", "%ff%00", "x" * 10_000):
        assert refused(network("GET", f"/?token={token}"))
        assert refused(network("GET", "/api/x", cookie=f"groovefast-studio-8765={token}"))
    assert refused(network("GET", "/", cookie=f"groovefast-studio-8766={TOKEN}"))
    assert refused(network("GET", "/", cookie="=;;;=\x01; groovefast-studio-8765"))


def test_the_token_becomes_a_cookie(network: Asked) -> None:
    answer = network("GET", f"/?token={TOKEN}")
    assert (answer.status, answer.headers["location"]) == (303, "/")
    cookie, *attributes = answer.headers["set-cookie"].split("; ")
    assert {each.lower() for each in attributes} == {"httponly", "samesite=strict", "path=/"}
    cookie = f"another=1; {cookie}"
    assert not refused(network("GET", "/api/x", cookie=cookie))
    assert refused(network("GET", "/api/x", cookie=cookie, origin="http://evil.example"))
    assert refused(network("GET", "/api/x", cookie=cookie, host="evil.example:8765"))


def test_programs_may_send_the_token_each_time(network: Asked) -> None:
    assert not refused(network("POST", f"/api/x?token={TOKEN}"))
    assert refused(network("POST", "/api/x"))


def test_the_address_it_came_in_on_is_a_name_of_the_server() -> None:
    """One that listens on all of a machine's addresses does not know them beforehand."""
    door = Door(8765, LOOPBACK_NAMES, TOKEN)
    assert door.has("192.168.1.7:8765", "192.168.1.7")
    assert door.has("192.168.1.7:8765", "::ffff:192.168.1.7")
    assert door.has("[fe80::1]:8765", "fe80::1%eth0")
    assert not door.has("192.168.1.8:8765", "192.168.1.7")
    assert not Door(8765).has("192.168.1.7:8765", "192.168.1.7")
