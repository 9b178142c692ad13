from pathlib import Path

import pytest
from webserver import visit

from readiness_kit.errors import NotSeen
from readiness_kit.probes.logs.bounds import log_bounds
from readiness_kit.probes.logs.collectors import docker_bound, journal_bound
from readiness_kit.probes.logs.logrotate import parse
from readiness_kit.target import HandlerRotation, Logs

TEXT = """
# see logrotate.conf(5)
weekly
rotate 4
"/var/log/shop/*.log" /var/log/other.log {
    maxsize 10M   # or once a week
    rotate 6
    compress
    postrotate
        kill -HUP `cat /run/shop.pid` }
    endscript
}
/var/log/size.jsonl {
    size=100k
}
/var/log/time.jsonl
{
    daily
}
"""


def test_blocks_inherit_what_holds_for_all():
    rules = list(parse(TEXT))
    assert [rule.bound_bytes for rule in rules] == [7 * 10 * 1024**2, 5 * 100 * 1024, None]
    assert str(rules[0]) == "maxsize 10M, rotate 6, weekly"
    assert rules[0].covers(Path("/var/log/shop/a.log"))
    assert rules[0].covers(Path("/var/log/other.log"))
    assert not rules[0].covers(Path("/var/log/shop.jsonl"))
    assert rules[2].covers(Path("/var/log/time.jsonl"))


@pytest.mark.parametrize(
    ("option", "bound"),
    [
        ("size 5", 5),
        ("size 5k", 5120),
        ("size 1G", 1024**3),
        ("size 5 MB", None),
        ("minsize 5k", None),
        ("maxsize 1k\nrotate 2", 3072),
        ("maxsize 1k\nrotate -1", None),
        ("daily", None),
    ],
)
def test_only_a_size_bounds_a_file(option, bound):
    (rule,) = parse(f"/a.log {{\n{option}\n}}")
    assert rule.bound_bytes == bound


@pytest.mark.parametrize("text", ["/a.log {\nsize 5", "/a.log {\npostrotate\n}\n"])
def test_half_a_file_is_no_evidence(text):
    with pytest.raises(NotSeen, match="does not end"):
        list(parse(text))


def look(folder, **logs):
    log = folder / "app.jsonl"
    log.write_text("x" * 300)
    (folder / "app.jsonl.1").write_text("x" * 1000)
    logs = Logs(application=(log,), **logs)
    return log_bounds.gather(visit("http://localhost", logs=logs)).bounds[0]


def test_the_handlers_own_bound_comes_first(tmp_path):
    one = look(tmp_path, rotation=HandlerRotation(max_bytes=1000, backups=5))
    assert (one.how, one.bound_bytes, one.starts_anew_bytes) == ("handler", 6000, 1000)
    assert (one.live_bytes, one.taken_bytes) == (300, 1300)
    assert one.free_bytes > 0
    assert not one.reason


@pytest.mark.parametrize(("max_bytes", "backups"), [(0, 5), (1000, 0)])
def test_a_handler_that_never_rotates_bounds_nothing(tmp_path, max_bytes, backups):
    one = look(tmp_path, rotation=HandlerRotation(max_bytes=max_bytes, backups=backups))
    assert (one.how, one.bound_bytes) == ("", None)


def test_a_rule_of_logrotate_is_found_by_the_path(tmp_path):
    file = tmp_path / "shop"
    file.write_text(f"{tmp_path}/*.jsonl {{\n  maxsize 1k\n  rotate 1\n}}\n")
    one = look(tmp_path, logrotate=(file,))
    assert (one.how, one.bound_bytes, one.rule) == ("logrotate", 2048, "maxsize 1k, rotate 1")
    file.write_text("/elsewhere/*.jsonl {\n  maxsize 1k\n}\n")
    assert look(tmp_path, logrotate=(file,)).how == ""


def test_what_is_not_there_is_named(tmp_path):
    logs = Logs(application=(tmp_path / "gone.jsonl",))
    (one,) = log_bounds.gather(visit("http://localhost", logs=logs)).bounds
    assert "gone.jsonl" in one.reason
    with pytest.raises(NotSeen, match="cannot be read"):
        look(tmp_path, logrotate=(tmp_path / "absent",))
    with pytest.raises(NotSeen) as error:
        log_bounds.gather(visit("http://localhost"))
    assert error.value.cause == "not_configured"


GB = 1024**3


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("[Journal]\nSystemMaxUse=500M\n", 500 * 1024**2),
        ("[Journal]\n#SystemMaxUse=500M\n", 4 * GB),
        ("[Journal]\nStorage=volatile\nSystemMaxUse=1G\nRuntimeMaxUse=64M\n", 64 * 1024**2),
        ("SystemMaxUse=a lot", None),
        ("", 4 * GB),
    ],
)
def test_the_journal_is_bounded_by_default(text, bound):
    assert journal_bound(text, 100 * GB)[1] == bound


def test_a_small_volume_bounds_the_journal_to_a_tenth():
    assert journal_bound("", 10 * GB)[1] == GB
    assert journal_bound("", 0)[1] is None


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("", None),
        ('{"log-opts": {"max-size": "10m"}}', 10 * 1024**2),
        ('{"log-opts": {"max-size": "10m", "max-file": "3"}}', 30 * 1024**2),
        ('{"log-opts": {"max-size": "-1", "max-file": "3"}}', None),
        ('{"log-driver": "local"}', 100 * 1024**2),
    ],
)
def test_containers_are_unbounded_by_default(text, bound):
    assert docker_bound(text)[1] == bound


@pytest.mark.parametrize("text", ["[]", "{", '{"log-driver": "syslog"}', '{"log-opts": {"a": 1}}'])
def test_what_docker_says_of_others_is_no_bound(text):
    with pytest.raises(NotSeen):
        docker_bound(text)


def test_collected_logs_need_room_where_they_are_stored(tmp_path):
    file = tmp_path / "daemon.json"
    file.write_text('{"log-opts": {"max-size": "1k", "max-file": "2"}}')

    def collected(**logs):
        api = {"instances": ("http://localhost:1", "http://localhost:2")}
        target = visit("http://localhost", logs=Logs(docker=file, **logs), api=api)
        return log_bounds.gather(target).bounds

    (one,) = collected(stored=tmp_path)
    assert (one.how, one.bound_bytes) == ("docker", 2 * 2 * 1024)
    assert one.free_bytes > 0
    assert collected()[0].reason
