import re
import socket
import sys
from pathlib import Path

import pytest
from buckets import KEYS, NOW, Shelf, serving, settle
from tlsserver import authority_file, context, listen
from webserver import Reply, serve, visit

import readiness_kit
from readiness_kit.errors import NotSeen
from readiness_kit.probes.aws import client as aws
from readiness_kit.probes.aws import s3
from readiness_kit.probes.aws.client import Refused
from readiness_kit.probes.aws.s3 import S3, Object, Place
from readiness_kit.target import Bucket


@pytest.fixture(autouse=True)
def keys(monkeypatch):
    settle(monkeypatch)


@pytest.fixture(scope="module")
def server():
    with serving() as url:
        yield url


@pytest.fixture
def shelf(server):
    return Shelf.new(server)


def store(url, **more):
    declared = Bucket(url="s3://shop/daily", endpoint_url=url, **{"region": "eu-central-1", **more})
    looking = visit("http://localhost")
    return S3(looking, declared, declared.url), looking


def refusal(status, code, **headers):
    body = f"<Error><Code>{code}</Code><Message>User arn:aws:iam::1:user/x</Message></Error>"
    return lambda _: Reply(status, body, {"content-type": "application/xml", **headers})


def seen(call):
    with pytest.raises(NotSeen) as error:
        call()
    assert "arn:aws" not in str(error.value)
    assert KEYS["AWS_SECRET_ACCESS_KEY"] not in str(error.value)
    return error.value


def test_a_listing_goes_on_beyond_a_thousand(shelf, monkeypatch):
    shelf.fill({f"daily/{number:04}": b"" for number in range(2005)})
    looking = shelf.look()
    found = S3(looking, looking.target.backups.bucket, f"s3://{shelf.name}/daily").listing()
    assert (len(found.objects), found.whole) == (2005, True)
    assert looking.meter.counts()["aws_requests"] == 3
    monkeypatch.setattr(s3, "PAGES", 2)
    found = S3(looking, looking.target.backups.bucket, f"s3://{shelf.name}/daily").listing()
    assert (len(found.objects), found.whole) == (2000, False)


def test_names_with_odd_characters_come_as_they_are(shelf, tmp_path):
    shelf.put("daily/a b+c&d=é%20.dump", b"content")
    shelf.put("daily/folder/", b"")
    looking = shelf.look()
    where = S3(looking, looking.target.backups.bucket, f"s3://{shelf.name}/daily")
    (one,) = where.listing().objects
    assert where.name(one) == "a b+c&d=é%20.dump"
    where.download(one, tmp_path / "it")
    assert (tmp_path / "it").read_bytes() == b"content"
    assert where.piece(one.key, "0-2", 100) == b"con"
    assert where.piece(one.key, "-3", 100) == b"ent"


def test_what_changes_while_it_is_fetched_is_not_seen(shelf, tmp_path):
    shelf.put("daily/a", b"1234")
    looking = shelf.look()
    where = S3(looking, looking.target.backups.bucket, f"s3://{shelf.name}/daily")
    for number, size in enumerate((3, 5)):
        with pytest.raises(NotSeen, match="changed"):
            where.download(Object("daily/a", size, NOW), tmp_path / str(number))


def test_a_bucket_tells_how_it_encrypts(shelf):
    looking = shelf.look()
    where = S3(looking, looking.target.backups.bucket, f"s3://{shelf.name}/daily")
    assert where.encrypts() in {"", "AES256"}
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    shelf.client.put_bucket_encryption(
        Bucket=shelf.name, ServerSideEncryptionConfiguration={"Rules": [rule]}
    )
    assert where.encrypts() == "aws:kms"


def test_without_a_bucket(server):
    where, _ = store(server)
    error = seen(where.listing)
    assert "no bucket shop" in error.message


@pytest.mark.parametrize(
    ("call", "permission"),
    [
        (lambda one: one.listing(), "s3:ListBucket"),
        (lambda one: one.head("daily/a"), "s3:GetObject"),
        (lambda one: one.piece("daily/a", "0-1", 2), "s3:GetObject, or kms:Decrypt of its key,"),
        (lambda one: one.encrypts(), "s3:GetEncryptionConfiguration"),
    ],
    ids=["list", "head", "get", "encryption"],
)
def test_who_is_denied_is_told_what_it_lacks(call, permission):
    with serve(refusal(403, "AccessDenied")) as url:
        error = seen(lambda: call(store(url)[0]))
    assert isinstance(error, Refused)
    assert f"{permission} is denied on shop" in error.message


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch"])
def test_keys_that_are_refused_are_no_missing_permission(code):
    with serve(refusal(403, code)) as url:
        assert f"the keys are refused: {code}" in seen(store(url)[0].listing).message


@pytest.mark.parametrize(
    "answer",
    [
        refusal(301, "PermanentRedirect", **{"x-amz-bucket-region": "eu-west-1"}),
        refusal(400, "AuthorizationHeaderMalformed", **{"x-amz-bucket-region": "eu-west-1"}),
        refusal(307, "TemporaryRedirect", location="http://127.0.0.1:9/"),
    ],
    ids=["moved", "signed for another", "see there"],
)
def test_a_redirect_is_not_followed(answer):
    with serve(answer) as url:
        where, looking = store(url)
        error = seen(where.listing)
    assert "the bucket lies in" in error.message
    assert looking.meter.counts()["aws_requests"] == 1


def test_what_fails_is_tried_twice_and_no_more():
    with serve(refusal(503, "SlowDown")) as url:
        where, looking = store(url)
        assert "SlowDown" in seen(where.listing).message
    assert looking.meter.counts()["aws_requests"] == 2


@pytest.mark.parametrize(
    "body",
    [
        "<html>hello</html>",
        "<ListBucketResult><Contents/></ListBucketResult>",
        "<ListBucketResult><Name>shop</Name></ListBucketResult>",
        (
            "<ListBucketResult><Name>shop</Name><IsTruncated>false</IsTruncated>"
            "<Contents><Key>a</Key></Contents></ListBucketResult>"
        ),
        "no XML",
    ],
    ids=["a page", "no name", "no end", "no size", "no XML"],
)
def test_an_answer_of_another_kind_is_no_empty_bucket(body):
    with serve(lambda _: Reply(200, body, {"content-type": "application/xml"})) as url:
        seen(store(url)[0].listing)


def test_a_page_that_leads_nowhere_is_not_the_end():
    more = "<ListBucketResult><Name>shop</Name><IsTruncated>true</IsTruncated></ListBucketResult>"
    with serve(lambda _: Reply(200, more, {"content-type": "application/xml"})) as url:
        assert not store(url)[0].listing().whole


def test_a_store_that_is_silent_or_gone(monkeypatch):
    monkeypatch.setattr(aws, "READ_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert "does not answer" in seen(store(url)[0].listing).message
    assert "does not answer" in seen(store(url)[0].listing).message


def test_no_time_is_left_for_another_call(server):
    where, looking = store(server)
    looking.give_up()
    assert "no complete answer" in seen(where.listing).message
    assert "aws_requests" not in looking.meter.counts()


def test_settings_of_the_environment_lead_nowhere_else(shelf, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    shelf.put("daily/a")
    looking = shelf.look()
    bucket = looking.target.backups.bucket
    assert S3(looking, bucket, bucket.url).listing().objects
    own = S3(looking, Bucket(url="s3://shop", region="eu-central-1"), "s3://shop")
    assert own.of_amazon
    assert own.host == "s3.eu-central-1.amazonaws.com"


def test_without_keys(server, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert "no AWS keys" in seen(store(server)[0].listing).message
    assert "no profile 'ops'" in seen(lambda: store(server, profile="ops")).message


EMPTY = b"<ListBucketResult><Name>shop</Name><IsTruncated>false</IsTruncated></ListBucketResult>"


def answer(wire):
    with context().wrap_socket(wire, server_side=True) as secured:
        secured.recv(10_000)
        head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(EMPTY)}\r\nconnection: close\r\n\r\n"
        secured.sendall(head.encode() + EMPTY)


def test_an_authority_of_its_own(tmp_path):
    with listen(answer) as port:
        url = f"https://localhost:{port}"
        assert store(url, ca=authority_file(tmp_path))[0].listing() == ((), True)
        assert "does not answer" in seen(store(url)[0].listing).message
    assert "is no file" in seen(lambda: store(url, ca=tmp_path / "none")).message


def test_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    error = seen(lambda: store("http://127.0.0.1:9"))
    assert error.hint == "pip install 'readiness-kit[aws]'"


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("s3://shop", ("shop", "")),
        ("s3://shop/", ("shop", "")),
        ("s3://shop/a/b", ("shop", "a/b/")),
        ("s3://shop/a/b/", ("shop", "a/b/")),
    ],
)
def test_places(url, place):
    assert Place.of(url) == place


def test_only_one_module_knows_botocore():
    root = Path(readiness_kit.__file__).parent
    asks = re.compile(r"^\s*(import|from) boto", re.MULTILINE)
    found = [one for one in root.rglob("*.py") if asks.search(one.read_text())]
    assert found == [root / "probes" / "aws" / "client.py"]
