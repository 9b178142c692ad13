import base64
import json
import subprocess
import sys
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from msgspec.structs import replace
from webserver import Reply, secret, serve, visit

from readiness_kit.checks.security.authentication import CHECK
from readiness_kit.errors import NotSeen
from readiness_kit.probes.callers import token
from readiness_kit.probes.callers.authentication import (
    anonymous_access,
    bad_tokens,
    forged_tokens,
    issued_token,
)
from readiness_kit.probes.callers.signing_key import signing_key
from readiness_kit.target import Auth, Source

KEY = "correct-horse-battery-staple-0123456789"
ISSUER, AUDIENCE = "https://login.example.com", "api"
SPOILED = {
    "expired": {"exp": -3600, "iat": -7200},
    "not_yet_valid": {"nbf": 3600},
    "wrong_audience": {"aud": "another"},
    "wrong_issuer": {"iss": "another"},
}


def mint(key=KEY, algorithm="HS256", headers=None, **claims):
    now = int(time.time())
    whole = {"sub": "u", "iss": ISSUER, "aud": AUDIENCE, "iat": 0, "exp": 3600} | claims
    times = {name: now + whole[name] for name in ("iat", "exp", "nbf") if name in whole}
    return jwt.encode(whole | times, key, algorithm=algorithm, headers=headers)


def verify(text):
    jwt.decode(text, KEY, algorithms=["HS256"], issuer=ISSUER, audience=AUDIENCE)


def service(accepts=verify, refusal=None, jwks=None):
    no = refusal or Reply(status=401, body={"errors": [{"message": "Unauthenticated"}]})

    def answer(asked):
        if asked.path == "/jwks":
            return Reply(body=jwks)
        try:
            accepts(asked.token)
        except (jwt.PyJWTError, AssertionError, ZeroDivisionError, AttributeError):
            return no
        return Reply(body={"data": {"me": {"id": 1}}})

    return answer


@pytest.fixture
def auth(tmp_path):
    env = tmp_path / "api.env"
    env.write_text(f"OTHER=1\nJWT_SECRET={KEY}\n")
    return Auth(
        token=secret(tmp_path, "good", mint()),
        protected="{ me { id } }",
        signing_key_file=env,
        test_tokens={
            case: secret(tmp_path, case, mint(**spoil)) for case, spoil in SPOILED.items()
        },
    )


def change(auth, **changes):
    return replace(auth, **changes)


def shown(source, claim, answer, auth):
    with serve(answer) as url:
        return CHECK.shows(source.gather(visit(url, auth=auth)))[claim]


def weak(**options):
    """Return a verifier that leaves something out."""

    def accepts(text):
        good = {"algorithms": ["HS256"], "issuer": ISSUER, "audience": AUDIENCE}
        jwt.decode(text, KEY, **{**good, **options})

    return accepts


def trusting(text):
    jwt.decode(text, options={"verify_signature": False})


def none_accepted(text):
    (jwt.decode(text, options={"verify_signature": False}) if text.endswith(".") else verify(text))


GRAPHQL_NO = Reply(body={"data": None, "errors": [{"message": "Authentication required"}]})
BROKEN = Reply(body={"data": None, "errors": [{"message": "Internal server error"}]})


@pytest.mark.parametrize(
    ("accepts", "refusal", "status"),
    [
        (verify, None, "PASS"),
        (verify, GRAPHQL_NO, "PASS"),
        (verify, Reply(status=403), "PASS"),
        (verify, BROKEN, "UNKNOWN"),
        (verify, Reply(status=429), "UNKNOWN"),
        (verify, Reply(body={"data": {"me": None}}), "UNKNOWN"),
        (verify, Reply(body={"data": {"me": {}}, "errors": [{"message": "token"}]}), "FAIL"),
        (lambda text: None, None, "FAIL"),
        (lambda text: 1 / 0, None, "UNKNOWN"),
        (lambda text: text or 1 / 0, None, "FAIL"),
    ],
)
def test_strangers(accepts, refusal, status, auth):
    answer = service(accepts, refusal)
    assert shown(anonymous_access, "anonymous_requests_refused", answer, auth) == status


@pytest.mark.parametrize(
    ("accepts", "status"), [(verify, "PASS"), (trusting, "FAIL"), (none_accepted, "FAIL")]
)
def test_forgeries(accepts, status, auth):
    assert shown(forged_tokens, "forged_tokens_refused", service(accepts), auth) == status


def test_a_public_key_misused_as_a_secret_is_found(auth, tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key())) | {"kid": "k1"}
    (pem, *_) = token.public_pems({"k1": public})

    def confused(text):
        read = token.read(text)
        if read.algorithm == "HS256":
            assert token.verifies(read, pem.decode())
            return
        jwt.decode(text, key.public_key(), algorithms=["ES256"], audience=AUDIENCE)

    good = mint(key, "ES256", {"kid": "k1"})
    declared = change(auth, token=secret(tmp_path, "es", good), jwks="/jwks")
    answer = service(confused, jwks={"keys": [public]})
    assert shown(forged_tokens, "forged_tokens_refused", answer, declared) == "FAIL"
    assert shown(issued_token, "algorithm", answer, declared) == "PASS"
    answer = service(confused, jwks={"keys": [public | {"kid": "k2"}]})
    assert shown(issued_token, "algorithm", answer, declared) == "FAIL"


def published(key, kid):
    return json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key())) | {"kid": kid}


@pytest.mark.parametrize("ending", ["\n", ""])
def test_the_public_key_that_the_token_names_is_misused_too(auth, tmp_path, ending):
    """A verifier chooses by key id, and may keep the key without its last line break."""
    old, new = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    pem = new.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def confused(text):
        read = token.read(text)
        if read.algorithm == "HS256":
            assert token.verifies(read, pem.strip() + ending)
            return
        jwt.decode(text, new.public_key(), algorithms=["ES256"], audience=AUDIENCE)

    declared = change(
        auth, token=secret(tmp_path, "es", mint(new, "ES256", {"kid": "new"})), jwks="/jwks"
    )
    answer = service(confused, jwks={"keys": [published(old, "old"), published(new, "new")]})
    assert shown(forged_tokens, "forged_tokens_refused", answer, declared) == "FAIL"


def test_a_key_within_the_token_is_not_believed(auth, tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())

    def obedient(text):
        given = jwt.get_unverified_header(text).get("jwk")
        chosen = jwt.PyJWK(given).key if given else key.public_key()
        jwt.decode(text, chosen, algorithms=["ES256"], audience=AUDIENCE)

    declared = change(auth, token=secret(tmp_path, "es", mint(key, "ES256")))
    answer = service(obedient)
    assert shown(forged_tokens, "forged_tokens_refused", answer, declared) == "FAIL"


def test_another_key_of_the_right_kind_is_refused(auth, tmp_path):
    """A verifier that looks at the algorithm only refuses HMAC, and nothing else."""
    key = ec.generate_private_key(ec.SECP256R1())

    def by_algorithm(text):
        read = token.read(text)
        assert read.algorithm == "ES256"
        assert len(read.parts[2]) == 86
        assert read.claims["sub"] == "u"

    declared = change(auth, token=secret(tmp_path, "es", mint(key, "ES256")))
    assert shown(forged_tokens, "forged_tokens_refused", service(by_algorithm), declared) == "FAIL"


@pytest.mark.parametrize(
    ("accepts", "status"),
    [
        (verify, "PASS"),
        (weak(options={"verify_exp": False}), "FAIL"),
        (weak(options={"verify_nbf": False}), "FAIL"),
        (weak(options={"verify_aud": False}), "FAIL"),
        (weak(options={"verify_iss": False}), "FAIL"),
        (weak(leeway=7000), "FAIL"),
        (weak(leeway=100), "PASS"),
    ],
)
def test_bad_tokens_of_the_team(accepts, status, auth):
    claim = "expired_and_misaddressed_tokens_refused"
    assert shown(bad_tokens, claim, service(accepts), auth) == status


def test_a_bad_token_with_another_signature_proves_nothing(auth, tmp_path):
    forged = mint("another key, thirty-two bytes long..", aud="another")
    tokens = {**auth.test_tokens, "wrong_audience": secret(tmp_path, "forged", forged)}
    auth = change(auth, test_tokens=tokens)
    claim = "expired_and_misaddressed_tokens_refused"
    assert shown(bad_tokens, claim, service(), auth) == "UNKNOWN"


def test_a_bad_token_of_another_published_key_proves_nothing(auth, tmp_path):
    key, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))

    def by_key(text):
        jwt.decode(text, key.public_key(), algorithms=["ES256"], issuer=ISSUER, audience=AUDIENCE)

    claim = "expired_and_misaddressed_tokens_refused"
    for signer, status in ((key, "PASS"), (other, "UNKNOWN")):
        made = {case: mint(signer, "ES256", {"kid": "k"}, **how) for case, how in SPOILED.items()}
        declared = change(
            auth,
            token=secret(tmp_path, "es", mint(key, "ES256", {"kid": "k"})),
            test_tokens={case: secret(tmp_path, case, one) for case, one in made.items()},
            jwks="/jwks",
        )
        answer = service(by_key, jwks={"keys": [published(key, "k")]})
        assert shown(bad_tokens, claim, answer, declared) == status


def test_a_bad_token_of_somebody_else_proves_nothing(auth, tmp_path):
    """A stranger is refused whatever else is looked at."""
    made = {case: mint(**how, sub="nobody") for case, how in SPOILED.items()}
    tokens = {case: secret(tmp_path, case, one) for case, one in made.items()}
    claim = "expired_and_misaddressed_tokens_refused"
    answer = service(lambda text: verify_subject(text, "u"))
    assert shown(bad_tokens, claim, answer, change(auth, test_tokens=tokens)) == "UNKNOWN"


def verify_subject(text, subject):
    read = jwt.decode(text, options={"verify_signature": False})
    assert read["sub"] == subject


def test_a_bad_token_with_two_defects_proves_nothing(auth, tmp_path):
    both = mint(aud="another", exp=-3600, iat=-7200)
    tokens = {**auth.test_tokens, "wrong_audience": secret(tmp_path, "both", both)}
    auth = change(auth, test_tokens=tokens)
    claim = "expired_and_misaddressed_tokens_refused"
    assert shown(bad_tokens, claim, service(), auth) == "UNKNOWN"


def test_a_mint_command_supplies_what_is_missing(auth, tmp_path):
    script = tmp_path / "mint.py"
    script.write_text("import sys, json\nprint(json.load(open(sys.argv[1]))[sys.argv[2]])\n")
    made = {case: mint(**spoil) for case, spoil in SPOILED.items()} | {"reader": mint()}
    (tmp_path / "made.json").write_text(json.dumps(made))
    command = (sys.executable, str(script), str(tmp_path / "made.json"), "reader")
    auth = change(auth, test_tokens={}, token_command=command)
    claim = "expired_and_misaddressed_tokens_refused"
    assert shown(bad_tokens, claim, service(), auth) == "PASS"
    assert shown(issued_token, "token_lifetime", service(), auth) == "PASS"
    broken = change(auth, token_command=("/bin/false", "reader"))
    with serve(service()) as url, pytest.raises(NotSeen, match="token_command failed"):
        issued_token.gather(visit(url, auth=broken))


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({}, "PASS"),
        ({"exp": 3601}, "FAIL"),
        ({"exp": 86400}, "FAIL"),
        ({"iat": -10, "exp": 3590}, "PASS"),
    ],
)
def test_lifetime(claims, status, auth, tmp_path):
    auth = change(auth, token=secret(tmp_path, "t", mint(**claims)))
    assert shown(issued_token, "token_lifetime", service(), auth) == status


def test_opaque_tokens_cannot_be_forged(auth, tmp_path):
    auth = change(auth, token=secret(tmp_path, "t", "opaque"))
    with serve(service()) as url, pytest.raises(NotSeen, match="not a signed JWT"):
        forged_tokens.gather(visit(url, auth=auth))


def test_no_fact_holds_a_token_or_a_key(auth):
    import msgspec

    with serve(service()) as url:
        for source in (anonymous_access, forged_tokens, bad_tokens, issued_token, signing_key):
            kept = msgspec.json.encode(source.gather(visit(url, auth=auth))).decode()
            assert KEY not in kept
            assert auth.token.reveal() not in kept


@pytest.mark.parametrize(
    "text", ["", "a.b.c", "a.b", "....", "e30.W10.x", "\u00e9.b.c", "W10.W10.", "e30.e30.e30.e30"]
)
def test_what_is_no_token_is_not_read(text):
    assert token.read(text) is None


def test_infinite_and_boolean_times_are_no_times():
    body = base64.urlsafe_b64encode(b'{"exp": 1e999, "iat": true, "nbf": "1"}').decode().rstrip("=")
    read = token.read(f"e30.{body}.")
    assert [read.number(name) for name in ("exp", "iat", "nbf", "aud")] == [None] * 4


def tree(tmp_path, **files):
    root = tmp_path / "tree"
    root.mkdir()
    for name, text in files.items():
        (root / f"{name}.py").write_text(text)
    return Source(path=root)


@pytest.mark.parametrize(
    ("code", "value", "status"),
    [
        ("import os", KEY, "PASS"),
        (f"KEY = '{KEY}'", KEY, "FAIL"),
        ("import os", KEY[:31], "FAIL"),
        ("import os", "k" * 32, "UNKNOWN"),  # the valid token is signed with another
        (f"data: {base64.b64encode(KEY.encode()).decode()}", KEY, "FAIL"),
        ("import os", "$(openssl rand -base64 64 | head -1)", "FAIL"),
    ],
)
def test_where_the_key_comes_from(code, value, status, auth, tmp_path):
    auth.signing_key_file.write_text(f"JWT_SECRET={value}\n")
    here = visit("http://127.0.0.1:1", auth=auth, source=tree(tmp_path, settings=code))
    assert CHECK.shows(signing_key.gather(here))["secret_from_environment"] == status


def test_the_variable_is_known_by_the_signature_it_makes(auth, tmp_path):
    auth.signing_key_file.write_text(f"SECRET_KEY=short\nODD_NAME={KEY}\n")
    here = visit("http://127.0.0.1:1", auth=auth, source=tree(tmp_path, code="pass"))
    fact = signing_key.gather(here)
    assert (fact.variables, fact.found_by) == (("ODD_NAME",), "signature")


def test_a_source_that_was_not_searched_passes_nothing(auth):
    fact = signing_key.gather(visit("http://127.0.0.1:1", auth=auth))
    assert CHECK.shows(fact)["secret_from_environment"] == "UNKNOWN"


def test_a_key_that_history_remembers_is_found(auth, tmp_path):
    source = tree(tmp_path, settings=f"KEY = '{KEY}'")
    git = ["git", "-C", str(source.path), "-c", "user.name=t", "-c", "user.email=t@example.invalid"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "a"]):
        subprocess.run(git + words, check=True)
    (source.path / "settings.py").write_text("import os")
    subprocess.run([*git, "commit", "-qam", "b"], check=True)
    fact = signing_key.gather(visit("http://127.0.0.1:1", auth=auth, source=source))
    assert fact.found_in == ("history",)
    assert CHECK.shows(fact)["secret_from_environment"] == "FAIL"


@pytest.mark.parametrize("how", ["a subfolder", "a shallow clone", "attributes", "a long way"])
def test_a_key_in_the_history_is_found_or_the_history_was_not_searched(auth, tmp_path, how):
    root = tmp_path / "tree"
    (root / "api").mkdir(parents=True)
    git = ["git", "-C", str(root), "-c", "user.name=t", "-c", "user.email=t@example.invalid"]

    def keep(text):
        (root / "api" / "settings.py").write_text(text)
        for words in (["add", "."], ["commit", "-qm", "a"]):
            subprocess.run(git + words, check=True)

    subprocess.run([*git, "init", "-q"], check=True)
    if how == "attributes":
        (root / ".gitattributes").write_text("*.py -diff\n")
    keep(f"KEY = '{KEY}'")
    keep("import os")
    path = root / "api" if how == "a subfolder" else root
    if how == "a shallow clone":
        path = tmp_path / "clone"
        argv = ["git", "clone", "-q", "--depth=1", f"file://{root}", str(path)]
        subprocess.run(argv, check=True)
    fact = signing_key.gather(visit("http://127.0.0.1:1", auth=auth, source=Source(path=path)))
    want = "UNKNOWN" if how == "a shallow clone" else "FAIL"
    assert CHECK.shows(fact)["secret_from_environment"] == want


def test_files_beyond_the_cap_are_not_called_clean(auth, tmp_path, monkeypatch):
    from readiness_kit.probes.source import tree as listing

    monkeypatch.setattr(listing, "FILES_CAP", 1)
    source = tree(tmp_path, a="import os", b=f"KEY = '{KEY}'")
    fact = signing_key.gather(visit("http://127.0.0.1:1", auth=auth, source=source))
    assert CHECK.shows(fact)["secret_from_environment"] == "UNKNOWN"


def pem(key, private=True):
    if not private:
        kind = PublicFormat.SubjectPublicKeyInfo
        return key.public_key().public_bytes(Encoding.PEM, kind).decode()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


SMALL = rsa.generate_private_key(65537, 1024)
CURVE = ec.generate_private_key(ec.SECP256R1())


@pytest.mark.parametrize(
    ("key", "private", "status"),
    [(SMALL, True, "FAIL"), (CURVE, True, "PASS"), (CURVE, False, "UNKNOWN")],
    ids=["RSA 1024", "P-256", "public"],
)
def test_an_asymmetric_key_is_strong_by_its_kind(auth, tmp_path, key, private, status):
    folded = pem(key, private).replace("\n", "\\n")
    auth.signing_key_file.write_text(f'JWT_KEY="{folded}"\n')
    auth = change(auth, token=secret(tmp_path, "t", mint(CURVE, "ES256")))
    here = visit("http://127.0.0.1:1", auth=auth, source=tree(tmp_path, code="pass"))
    assert CHECK.shows(signing_key.gather(here))["secret_from_environment"] == status


def test_a_folded_key_is_found_unfolded(auth, tmp_path):
    auth.signing_key_file.write_text('JWT_KEY="' + pem(CURVE).replace("\n", "\\n") + '"\n')
    auth = change(auth, token=secret(tmp_path, "t", mint(CURVE, "ES256")))
    here = visit("http://127.0.0.1:1", auth=auth, source=tree(tmp_path, code=pem(CURVE)))
    assert CHECK.shows(signing_key.gather(here))["secret_from_environment"] == "FAIL"


@pytest.mark.parametrize(
    ("entry", "status"),
    [
        ("valueFrom: {secretKeyRef: {name: api, key: jwt}}", "UNKNOWN"),
        (f"value: {KEY}", "FAIL"),
        ("valueFrom: {configMapKeyRef: {name: api, key: jwt}}", "UNKNOWN"),
    ],
)
def test_manifests(entry, status, auth, tmp_path):
    manifest = tmp_path / "deploy.yaml"
    manifest.write_text(f"spec:\n  containers:\n  - env:\n    - name: JWT_SECRET\n      {entry}\n")
    auth = change(auth, signing_key_file=manifest)
    fact = signing_key.gather(visit("http://127.0.0.1:1", auth=auth))
    assert KEY not in str(fact)
    assert CHECK.shows(fact)["secret_from_environment"] == status
