import pytest
from webserver import Reply, serve, visit

from readiness_kit.errors import NotSeen
from readiness_kit.probes.api.status_page import status_page
from readiness_kit.target import Communication

PAGE = "<html><style>.outage {}</style><h1>All systems operational</h1></html>"


def look(page, api="http://localhost:1"):
    return status_page.gather(visit(api, communication=Communication(status_page=page)))


def test_the_page_tells_a_state_and_hears_no_secret():
    asked = []

    def answer(request):
        asked.append(request)
        return Reply(200, PAGE)

    with serve(answer) as url:
        fact = look(f"{url}/now?all=1")
    assert (fact.status, fact.states, fact.problem) == (200, ("operational",), "")
    assert (asked[0].path, asked[0].token) == ("/now?all=1", "")
    assert not fact.public


def test_a_redirect_is_not_followed():
    with serve(lambda _: Reply(302, headers={"location": "/elsewhere"})) as url:
        assert look(url).status == 302


def test_a_page_that_refuses_is_seen_not_to_answer(free_port):
    fact = look(f"http://127.0.0.1:{free_port}/")
    assert fact.status == 0
    assert "refused" in fact.problem


def test_a_name_that_does_not_resolve_was_not_asked():
    with pytest.raises(NotSeen):
        look("http://status.invalid/")


def test_none_declared_is_a_fact():
    assert look("").url == ""
