import pytest
from webserver import visit

from readiness_kit.errors import NotSeen
from readiness_kit.probes.papers.documents import objectives, recovery_objectives


def found(markdown):
    return [(one.kind, one.minutes, one.below) for one in objectives(markdown, "dr.md")]


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("RTO: < 1 hour", [("rto", 60, True)]),
        ("- Recovery Time Objective: 30 minutes", [("rto", 30, False)]),
        ("RTO 30 min, RPO 5 min.", [("rto", 30, False), ("rpo", 5, False)]),
        ("We lose less than 15 minutes", []),
        ("The RPO is less than 15 minutes", [("rpo", 15, True)]),
        ("## Recovery point objective\n\n10 minutes.", [("rpo", 10, False)]),
        (
            "| Goal | Value |\n|--|--|\n| RTO | 45 min |\n| RPO | 300 s |",
            [("rto", 45, False), ("rpo", 5, False)],
        ),
        ("RTO: 1.5 hours", [("rto", 90, False)]),
        ("RTO: one hour", [("rto", 60, False)]),
        ("**RTO:** <= 60 min", [("rto", 60, False)]),
        ("RTO and RPO: 60 and 15 min", [("rpo", 15, False)]),
        ("RTO reviewed yearly. Backups take 5 min.", []),
        ("```\nRTO: 30 min\n```", []),
        ("<!-- RTO: 30 min -->", []),
        ("RTO: ~~30 min~~ 50 min", [("rto", 50, False)]),
        ("PORTO 30 min", []),
        ("", []),
    ],
)
def test_objectives_are_read_by_structure(markdown, expected):
    assert found(markdown) == expected


def test_lines_lead_to_the_words():
    (one,) = objectives("# Recovery\n\nSome words.\n\n- RTO: 30 min\n", "dr.md")
    assert (one.document, one.line, one.words) == ("dr.md", 5, "RTO: 30 min")


def test_declared_documents_are_read(tmp_path):
    file = tmp_path / "recovery.md"
    file.write_text("RTO 30 min, RPO 5 min")
    fact = recovery_objectives.gather(
        visit("http://localhost", documents={"recovery": file, "api": tmp_path / "none.md"})
    )
    assert fact.documents == ("recovery: recovery.md",)
    assert len(fact.stated) == 2


@pytest.mark.parametrize("content", [None, b"x" * 1_000_001])
def test_what_cannot_be_read_is_not_seen(tmp_path, content):
    file = tmp_path / "recovery.md"
    if content:
        file.write_bytes(content)
    with pytest.raises(NotSeen):
        recovery_objectives.gather(visit("http://localhost", documents={"recovery": file}))


def test_no_document_is_not_configured():
    with pytest.raises(NotSeen) as error:
        recovery_objectives.gather(visit("http://localhost"))
    assert error.value.cause == "not_configured"
