import gzip

import pytest
from webserver import Reply, secret, serve, visit

from readiness_kit.errors import NotSeen
from readiness_kit.probes.api.compression import compression_offer, decode
from readiness_kit.target import Auth

BODY = b'{"data": {"posts": "' + b"lorem " * 400 + b'"}}'
JSON = {"content-type": "application/json"}


def gather(answer, tmp_path):
    auth = Auth(token=secret(tmp_path, "token", "t0ken"), protected="{ posts }")
    with serve(answer) as url:
        return compression_offer.gather(visit(url, auth=auth)).answers


def encoding(asked, body=BODY, vary="Origin, Accept-Encoding", change=bytes):
    if asked.headers.get("accept-encoding") != "gzip":
        return Reply(body=body, headers=JSON)
    headers = {**JSON, "content-encoding": "gzip", "vary": vary}
    return Reply(body=change(gzip.compress(body)), headers=headers)


def test_an_encoded_answer_is_decoded_and_compared(tmp_path):
    packed, plain = gather(encoding, tmp_path)
    assert packed.encoding == "gzip"
    assert packed.sent_bytes < packed.plain_bytes == len(BODY)
    assert packed.equal
    assert packed.varies
    assert (plain.asked, plain.encoding) == ("br", "")


def test_an_answer_cut_short_is_not_equal(tmp_path):
    packed, _ = gather(lambda asked: encoding(asked, change=lambda body: body[:-9]), tmp_path)
    assert packed.equal is False
    assert "too early" in packed.reason


def test_garbage_that_claims_to_be_gzip_is_not_equal(tmp_path):
    packed, _ = gather(lambda asked: encoding(asked, change=lambda _: b"garbage"), tmp_path)
    assert packed.equal is False


def test_an_answer_that_always_changes_is_not_compared(tmp_path):
    count = iter(range(1000))
    packed, _ = gather(lambda asked: encoding(asked, BODY + b" " * next(count)), tmp_path)
    assert packed.status is None
    assert "changed" in packed.reason


def test_a_small_answer_proves_nothing(tmp_path):
    with pytest.raises(NotSeen) as error:
        gather(lambda _: Reply(body={"data": {"posts": []}}), tmp_path)
    assert error.value.cause == "not_configured"


def test_a_bomb_is_not_inflated():
    bomb = gzip.compress(b"0" * 50_000_000)
    assert decode(bomb, "gzip") == (b"", "ends too early or is too long")
