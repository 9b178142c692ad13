"""``readiness.yaml``: every mistake is named with its line, and nothing is guessed."""

from pathlib import Path

import pytest

from readiness_kit.errors import TargetError
from readiness_kit.target import Secret
from readiness_kit.target_file import (
    digest,
    load_target,
    missing_files,
    parse_target,
    redacted,
    strict_yaml,
)

HEAD = "schema: 1\nname: shop\nenvironment: staging\n"


def parse(text: str):
    return parse_target(text, Path("readiness.yaml"))


def test_the_smallest_target():
    target = parse(HEAD)
    assert (target.name, target.environment, target.phase) == ("shop", "staging", "pre_launch")
    assert target.api is None
    assert target.objectives.p95_ms == 500


MISTAKES = {
    "unknown key": (
        HEAD + "api:\n  url: https://h\n  helth: /x\n",
        ":6: unknown key 'helth'",
        "health",
    ),
    "unknown top key": (HEAD + "objektives: {}\n", ":4: unknown key 'objektives'", "objectives"),
    "key in a list": (HEAD + "smoke:\n  - {name: a, qury: b}\n", ":5: unknown key 'qury'", "query"),
    "missing": ("schema: 1\nname: x\n", "environment", "schema"),
    "enum": (
        "schema: 1\nname: x\nenvironment: prod\n",
        ":3: environment: got 'prod', wanted one of development, production, sandbox, staging",
        "did you mean production?",
    ),
    "far from every word": (
        "schema: 1\nname: x\nenvironment: zzz\n",
        "wanted one of development",
        "schema",
    ),
    "word in a list": (
        HEAD + "load:\n  run: [peak, soke]\n",
        ":5: load.run[1]: got 'soke', wanted one of benchmark, peak, soak, step, stress",
        "soak",
    ),
    "renamed key": (HEAD + "evidence_from: [{run: ., fir: [load]}]\n", "unknown key 'fir'", "for"),
    "name in a mapping": (
        HEAD + "load:\n  profiles:\n    bencmark: {}\n",
        ":6: unknown key 'bencmark'",
        "did you mean benchmark?",
    ),
    "far from every name": (
        HEAD + "auth:\n  test_tokens: {zzz: env:X}\n",
        ":5: unknown key 'zzz'",
        "one of expired, not_yet_valid",
    ),
    "key below a name": (
        HEAD + "load:\n  profiles:\n    peak: {second: 5}\n",
        ":6: unknown key 'second'",
        "did you mean seconds?",
    ),
    "type": (HEAD + "objectives:\n  p95_ms: fast\n", ":5: objectives.p95_ms", "schema"),
    "bound": (HEAD + "objectives:\n  peak_rps: -1\n", ":5: objectives.peak_rps", "schema"),
    "norway": (HEAD + "release: {version: on}\n", ":4: 'on' would be read as bool", "quotes"),
    "sexagesimal": (HEAD + "limits:\n  requests_per_minute: 22:22\n", ":5: '22:22'", "quotes"),
    "octal": (HEAD + "limits: {requests_per_minute: 010}\n", ":4: '010'", "quotes"),
    "date": (HEAD + "release: {version: 2026-11-01}\n", ":4: '2026-11-01'", "quotes"),
    "twice": (HEAD + "name: other\n", ":4: the key 'name' stands twice", ""),
    "alias": (HEAD + "api: &a {url: https://h}\ndatabase: *a\n", ":5: aliases", ""),
    "tag": (HEAD + "name: !!python/object:os.system x\n", ":4:", ""),
    "number as key": (HEAD + "1: x\n", ":4: a key is not text", "quotes"),
    "merge": (HEAD + "api: {<<: {url: https://h}}\n", ":4: a key is not text", "quotes"),
    "key of several": (HEAD + "? [a, b]\n: 1\n", ":4: a key is not text", "quotes"),
    "twice in quotes": (HEAD + "api: {url: https://h, 'url': x}\n", ":4: the key 'url'", ""),
    "itself": ("&a\nschema: 1\nname: *a\n", ":3: aliases", ""),
    "laughs": (HEAD + "a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]\n", ":5: aliases", ""),
    "deep": (HEAD + "api: " + "[" * 5000, ":1: nested too deeply", ""),
    "deep mapping": (HEAD + "api: " + "{a: " * 100 + "}" * 100, ":4: nested too deeply", ""),
    "two documents": (HEAD + "---\nname: other\n", ":4: not valid YAML", ""),
    "half a character": (HEAD + 'release: {version: "\\ud800"}\n', ":4:", ""),
    "half a key": (HEAD + '"\\ud800": x\n', ":4:", ""),
    "zero": (HEAD + "release: {version: 'a\0b'}\n", "special characters", ""),
    "tab": (HEAD + "api:\n\turl: x\n", ":5: not valid YAML", ""),
    "binary": (HEAD + "name2: !!binary aGk=\n", ":4: 'aGk=' would be read as binary", ""),
    "hexadecimal": (HEAD + "limits: {requests_per_minute: 0x10}\n", ":4: '0x10'", "quotes"),
    "underscore": (HEAD + "limits: {requests_per_minute: 1_000}\n", ":4: '1_000'", "quotes"),
    "infinite": (HEAD + "objectives: {p95_ms: .inf}\n", ":4: '.inf'", ""),
    "not a number": (HEAD + "objectives: {p95_ms: .nan}\n", ":4: '.nan'", ""),
    "as good as infinite": (HEAD + "objectives: {p95_ms: 1.0e+999}\n", ":4: '1.0e+999'", ""),
    "digits": (HEAD + f"limits: {{requests_per_minute: {'9' * 5000}}}\n", ":4: '999", ""),
    "number for text": (HEAD + "release: {version: 1.10}\n", ":4: release.version", "schema"),
    "huge": (HEAD + "# " + "x" * 1_000_001, "larger than 1000000 bytes", ""),
    "list": ("- a\n", "wanted a mapping", ""),
    "empty": ("", "wanted a mapping", ""),
    "not yaml": ("a: [1\n", "not valid YAML", ""),
    "literal secret": (
        HEAD + "database:\n  dsn: 'postgresql://u:p@h/d'\n",
        ":5: database.dsn: a secret must be given by reference",
        "env:NAME",
    ),
    "no url": (
        HEAD + "api: {url: localhost:8080}\n",
        ":4: api.url: 'localhost:8080' is no http:// or https:// URL",
        "https://",
    ),
    "no url in a list": (
        HEAD + "api:\n  url: https://h\n  instances:\n    - https://h\n    - h2\n",
        ":8: api.instances[1]: 'h2' is no http://",
        "https://",
    ),
    "bad port": (HEAD + "api: {url: 'https://h:99999'}\n", "no http:// or https:// URL", ""),
}


@pytest.mark.parametrize(("text", "message", "hint"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named(text, message, hint):
    with pytest.raises(TargetError) as caught:
        parse(text)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.exit_code == 2


def test_a_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(TargetError, match=r"cannot be read[\s\S]*readiness init"):
        load_target(tmp_path / "readiness.yaml")


def test_a_folder_means_its_readiness_yaml(tmp_path):
    (tmp_path / "readiness.yaml").write_text(HEAD)
    assert load_target(tmp_path).name == "shop"


def test_binary_is_no_target(tmp_path):
    (tmp_path / "readiness.yaml").write_bytes(b"\xff\xfe\0")
    with pytest.raises(TargetError, match="not UTF-8"):
        load_target(tmp_path)


def test_a_secret_shows_its_reference_only(tmp_path):
    (tmp_path / "dsn").write_text("postgresql://u:hunter2hunter2@h/d\n")
    file = tmp_path / "readiness.yaml"
    file.write_text(HEAD + "database: {dsn: 'file:dsn'}\n")
    target = load_target(file)
    assert target.database is not None
    assert target.database.dsn.reveal().startswith("postgresql://")
    assert "hunter2" not in repr(target) + str(redacted(target))
    assert digest(target) == digest(load_target(file))


@pytest.mark.parametrize("reference", ["file:absent", "file:empty", "env:READINESS_NOT_SET"])
def test_a_secret_that_is_not_there_is_an_error_before_anything_is_asked(tmp_path, reference):
    (tmp_path / "empty").write_text("\n")
    file = tmp_path / "readiness.yaml"
    file.write_text(HEAD + f"database: {{dsn: '{reference}'}}\n")
    with pytest.raises(TargetError, match=reference):
        load_target(file)


@pytest.mark.parametrize("text", ["", "hunter2", "env:", "file:", "ENV:X"])
def test_a_literal_is_no_secret(text):
    with pytest.raises(TargetError, match="by reference"):
        Secret(text)


def test_the_cluster_is_an_origin_like_the_rest():
    api = "api: {url: 'https://shop.example'}\n"
    cluster = "kubernetes: {api: {url: 'https://10.0.0.1:6443', token: 'env:TOKEN'}}\n"
    assert ("https", "10.0.0.1", 6443) in parse(HEAD + api + cluster).origins()
    with pytest.raises(TargetError, match="no http:// or https:// URL"):
        parse(HEAD + api + cluster.replace("https://", "", 1))


def test_origins_are_exact():
    api = "api: {url: 'https://Shop.example:8443', instances: ['http://127.0.0.1:81']}\n"
    assert parse(HEAD + api).origins() == {
        ("https", "shop.example", 8443),
        ("http", "127.0.0.1", 81),
        ("http", "shop.example", 80),
    }


def test_a_part_of_a_file_is_not_the_file(tmp_path):
    (tmp_path / "matrix.yaml").write_text("a: 1\n" + "# x\n" * 260_000 + "b: 2\n")
    with pytest.raises(TargetError, match="larger than"):
        strict_yaml(tmp_path / "matrix.yaml")


def test_all_that_is_missing_is_said_at_once(tmp_path, monkeypatch):
    monkeypatch.delenv("READINESS_NOT_SET", raising=False)
    file = tmp_path / "readiness.yaml"
    file.write_text(
        HEAD
        + "identities: {a: 'env:READINESS_NOT_SET', b: 'env:READINESS_NOT_SET', c: 'file:no'}\n"
    )
    with pytest.raises(TargetError) as caught:
        load_target(file)
    assert caught.value.message.count("READINESS_NOT_SET") == 2, "once, with its reference"
    assert "file:no" in caught.value.message
    assert str(file) in caught.value.message


def test_declared_files_that_are_not_there(tmp_path):
    (tmp_path / "there").touch()
    text = "documents: {api: there, recovery: gone}\nlogs: {application: [there, gone.log]}\n"
    target = parse_target(HEAD + text + "load: {kill_file: STOP}\n", tmp_path / "readiness.yaml")
    assert missing_files(target) == (
        f"logs.application: {tmp_path / 'gone.log'}",
        f"documents.recovery: {tmp_path / 'gone'}",
    )
