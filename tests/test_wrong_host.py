"""A target that sends its callers elsewhere: nobody goes there."""

from collections.abc import Iterator

import pytest
from faults.on_target import assess, demand_honest
from webserver import Asked, Reply, serve

PROXIES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[str]]]:
    """A server that must not be asked, and what it was asked."""
    heard: list[str] = []

    def answer(asked: Asked) -> Reply:
        heard.append(f"{asked.method} {asked.path}")
        return Reply(200, {"data": {"me": {"id": "1"}}})

    with serve(answer) as url:
        yield url, heard


def sent_away(url: str, status: int) -> Reply:
    """Name *url* wherever a client might look for the next place to go."""
    return Reply(
        status,
        {
            "data": None,
            "jwks_uri": f"{url}/jwks",
            "issuer": url,
            "servers": [{"url": url}],
            "externalURL": url,
            "$ref": f"{url}/schema.json",
        },
        {
            "location": f"{url}/next",
            "content-location": f"{url}/next",
            "refresh": f"0; url={url}/refresh",
            "link": f"<{url}/link>; rel=preload, <{url}/next>; rel=next",
            "alt-svc": f'http/1.1="{url.partition("://")[2]}"',
            "content-security-policy": f"default-src 'self'; report-uri {url}/csp",
            "www-authenticate": f'Bearer realm="{url}/token", resource_metadata="{url}/metadata"',
        },
    )


@pytest.mark.parametrize("status", [200, 300, 301, 302, 303, 305, 307, 308, 401, 407, 421, 503])
def test_nobody_goes_where_it_sends_them(status, elsewhere, tmp_path, monkeypatch):
    url, heard = elsewhere
    for name in PROXIES:
        monkeypatch.setenv(name, url)
    asked = []

    def answer(one: Asked) -> Reply:
        asked.append(one.path)
        return sent_away(url, status)

    with serve(answer) as target:
        found = assess(tmp_path, int(target.rpartition(":")[2]), "http", monkeypatch)
    demand_honest(found)
    assert asked
    assert heard == []
