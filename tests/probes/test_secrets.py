import base64
import hashlib
import json
import subprocess

import pytest
from webserver import visit

from readiness_kit.checks.security.secrets import CHECK
from readiness_kit.errors import NotSeen
from readiness_kit.probes.environment.secret_origins import secret_origins
from readiness_kit.probes.secrets.in_code import secrets_in_code
from readiness_kit.probes.secrets.patterns import secrets_in
from readiness_kit.probes.secrets.planted import planted
from readiness_kit.probes.secrets.strength import fingerprint, strength
from readiness_kit.target import Application, Credentials, Kubernetes, Source

PLANTED = planted("tests")
# Random enough, and the same in each worker: they stand in the names of tests.
SEED = hashlib.sha256(b"a secret of these tests").digest()
RANDOM = base64.urlsafe_b64encode(SEED[:24]).decode()
HEX = SEED[:16].hex()


def kinds(text, configuration=True):
    return [one.kind for one in secrets_in(text, configuration=configuration)]


def assigned(line):
    kind = "password" if "password" in line.lower() else "key or token"
    return f"{kind} assigned to a name"


@pytest.mark.parametrize("kind", PLANTED)
def test_every_form_is_found_and_nothing_else(kind):
    assert kinds(f"# before\n{PLANTED[kind]}\n# after", configuration=False) == [kind]


@pytest.mark.parametrize(
    "line",
    [
        f'API_KEY = "{RANDOM}"',
        f"api_key: str = '{RANDOM}'",
        f'{{"apiKey": "{RANDOM}"}}',
        f'client(api_key="{RANDOM}")',
        f'os.environ.setdefault("STRIPE_API_KEY", "{RANDOM}")',
        f'config["secret_key"] = "{HEX}"',
        f'const authToken = "{HEX}";',
        f'secret_key := "{HEX}"',
        f"'access_key' => '{HEX}'",
        'password = "Tr0ub4dor&3"',
        'connect(user="app", password="sunshine")',
        'ADMIN_PASSWORD = "Tr0ub4dor&3"',
        'profile_password = "Tr0ub4dor&3"',
        f'SECURITY_TOKEN = "{RANDOM}"',
        f'SERVICE_ACCOUNT_KEY = "{RANDOM}"',
        f'adminApiKey = "{RANDOM}"',
        f'FILE_ENCRYPTION_KEY = "{RANDOM}"',
        'password = "!Tr0ub4dor&3"',
        'password = "Tr0ub(4dor&3"',
        f'api_key = "/{RANDOM}"',
        f'api_key = "live-{HEX}"',
    ],
)
def test_assigned_in_code(line):
    assert kinds(line, configuration=False) == [assigned(line)]


@pytest.mark.parametrize(
    "line",
    [
        f"API_KEY={RANDOM}",
        f"export JWT_SECRET={HEX}",
        f"ENV API_TOKEN={HEX}",
        f"ENV API_TOKEN {HEX}",
        f"      - SECRET_KEY={HEX}",
        f"  secret-key: {HEX}",
        "spring.datasource.password=sunshine",
        "DB_PASSWORD=Tr0ub4dor&3  # of the old database",
        f"db_password: {HEX}",
    ],
)
def test_assigned_in_configuration(line):
    assert kinds(line) == [assigned(line)]


@pytest.mark.parametrize(
    "line",
    [
        "API_KEY=${API_KEY}",
        "API_KEY=$API_KEY",
        "api_key: {{ vault.api_key }}",
        "password: <password>",
        "password = os.environ['DB_PASSWORD']",
        'password = os.environ["DB_PASSWORD"]',
        "token: env:SHOP_TOKEN",
        "secret: file:secrets/token",
        'password = "changeme"',
        'PASSWORD = "your-password-here"',
        'password="********"',
        "password = None",
        'PASSWORD_FIELD = "user_password"',
        'token_type = "bearer"',
        'TOKEN_URL = "https://login.example.com/token"',
        'SECRET_FILE = "/run/secrets/db-Pa55word-file"',
        'error = {"invalid_token": "The token is not valid"}',
        'secret_name = "quill-production-2026"',
        "max_tokens = 4096",
        "tokens: list[str]",
        "password: str",
        "def check(password: str, token: str) -> bool:",
        'raise Bad("token_expired", "TokenExpired")',
        "postgresql://app:$PASSWORD@db/shop",
        "postgresql://app:{password}@db/shop",
        "postgresql://user:password@localhost/db",
        "https://example.com/a:b@c",
        "db_password: ENC[AES256_GCM,data:abc123,iv:xyz=,tag:q==,type:str]",
        "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaaaaaaaaaaaaaaaaaaaaaaaa",
        "sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        '"integrity": "sha512-Kk3jS2kq9fJbD0+Yf1yDdQ=="',
        "hashed_password_column = 'pw_hash'",
        "",
    ],
)
def test_what_is_no_secret(line):
    assert kinds(line) == []


def test_a_key_that_everybody_knows_is_an_example():
    known = base64.b16decode(
        "09D25E094FAA6CA2556C818166B7A9563B93F7099F6F0F4CAA6CF63B88E8D3E7"
    ).hex()
    assert strength(known).example
    assert not strength(HEX * 2).example


@pytest.fixture
def tree(tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "app.py").write_text("import os\nkey = os.environ['API_KEY']\n")
    return folder


def look(tree, *, history=False, **parts):
    source = Source(path=tree, history=history)
    return secrets_in_code.gather(visit("http://x", source=source, **parts))


def shown(fact):
    return CHECK.shows(fact)["none_in_code_or_configuration"]


def test_a_clean_tree_passes_and_every_planted_kind_was_found(tree):
    fact = look(tree)
    assert fact.planted == dict.fromkeys(PLANTED, True)
    assert shown(fact) == "PASS"


def test_an_export_without_its_history_is_not_seen(tree):
    assert shown(look(tree, history=True)) == "UNKNOWN"
    (tree / "a.py").write_text(f"api_key = '{RANDOM}'\n")
    assert shown(look(tree, history=True)) == "FAIL"


def test_a_secret_is_told_by_place_and_fingerprint_only(tree):
    (tree / "settings.yaml").write_text(f"a: 1\napi_key: {RANDOM}\n")
    fact = look(tree)
    (found,) = fact.found
    assert (found.where, found.fingerprint) == ("settings.yaml:2", fingerprint(RANDOM))
    assert RANDOM not in str(fact)
    assert shown(fact) == "FAIL"


def test_an_unreadable_file_is_no_clean_one(tree):
    (tree / "huge.txt").write_text("x" * 5_000_001)
    assert shown(look(tree)) == "UNKNOWN"


def test_utf_16_is_text_too(tree):
    (tree / "app.env").write_text(f"API_KEY={RANDOM}\n", encoding="utf-16")
    assert shown(look(tree)) == "FAIL"


def test_a_binary_file_is_no_text(tree):
    (tree / "logo.png").write_bytes(b"\x89PNG\0\0" + f"API_KEY={RANDOM}".encode())
    assert shown(look(tree)) == "PASS"


def test_an_encrypted_key_and_a_long_line(tree):
    headers = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n"
    body = PLANTED["private key"].partition("\n")[2]
    assert kinds(f"-----BEGIN RSA PRIVATE {'KEY'}-----\n{headers}{body}") == ["private key"]
    assert kinds("a: b " * 4000 + f'{{"api_key": "{RANDOM}"}}') == []  # no line of a person's
    assert kinds("a: b " * 3000 + f'{{"api_key": "{RANDOM}"}}') == [assigned("")]


def git(tree, *arguments):
    who = ["-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, "-C", tree, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tree, need):
    need("git")
    git(tree, "init", "-q", "-b", "main")
    git(tree, "add", ".")
    git(tree, "commit", "-qm", "First")
    return tree


def test_history_without_a_secret_passes(repository):
    fact = look(repository)
    history = next(one for one in fact.searched if one.what == "history")
    assert (history.items, history.complete) == (1, True)
    assert shown(fact) == "PASS"


@pytest.mark.parametrize("name", [".env.production", "Dockerfile.prod", "prod.env"])
def test_removed_configuration_needs_no_quotes(repository, name):
    (repository / name).write_text(f"JWT_SECRET={RANDOM}\n")
    git(repository, "add", "-f", ".")
    git(repository, "commit", "-qm", "Oops")
    git(repository, "rm", "-q", name)
    git(repository, "commit", "-qm", "Remove it")
    assert shown(look(repository)) == "FAIL"


def test_removed_lines_that_attributes_hide_are_found(repository):
    """Git shows no lines of what .gitattributes calls binary."""
    (repository / ".gitattributes").write_text("*.py -diff\n")
    (repository / "old.py").write_text(f'API_KEY = "{RANDOM}"\n')
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "Oops")
    git(repository, "rm", "-q", "old.py")
    git(repository, "commit", "-qm", "Remove it")
    assert shown(look(repository)) == "FAIL"


def test_a_submodule_is_source_too(repository, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "client.py").write_text(f'API_KEY = "{RANDOM}"\n')
    git(other, "init", "-q", "-b", "main")
    git(other, "add", ".")
    git(other, "commit", "-qm", "First")
    git(repository, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other), "lib")
    git(repository, "commit", "-qm", "Use it")
    assert shown(look(repository)) == "FAIL"
    git(repository, "submodule", "-q", "deinit", "-f", "lib")
    assert shown(look(repository)) == "UNKNOWN"


def test_what_is_not_checked_out_was_not_searched(repository):
    (repository / "app.py").unlink()
    (repository / "rest.py").write_text("1\n")
    assert shown(look(repository)) == "UNKNOWN"


@pytest.mark.parametrize("branch", ["main", "elsewhere"])
def test_what_was_removed_is_still_in_history(repository, branch):
    if branch != "main":
        git(repository, "checkout", "-qb", branch)
    (repository / "old.py").write_text(f'API_KEY = "{RANDOM}"\n')
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "Oops")
    git(repository, "rm", "-q", "old.py")
    git(repository, "commit", "-qm", "Remove it")
    git(repository, "checkout", "-q", "main")
    fact = look(repository)
    assert {one.what for one in fact.found} == {"history"}
    assert shown(fact) == "FAIL"


def test_a_commit_message_is_searched(repository):
    git(repository, "commit", "-qm", f"Login\n\n{PLANTED['GitHub token']}", "--allow-empty")
    assert shown(look(repository)) == "FAIL"


def test_a_shallow_clone_is_not_whole(repository, tmp_path):
    git(repository, "commit", "-qm", "Second", "--allow-empty")
    clone = tmp_path / "clone"
    argv = ["git", "clone", "-q", "--depth=1", f"file://{repository}", clone]
    subprocess.run(argv, check=True, capture_output=True)
    assert shown(look(clone)) == "UNKNOWN"


def test_a_repository_that_git_refuses_is_not_clean(tree):
    (tree / ".git").write_text("gitdir: /nowhere\n")
    assert shown(look(tree)) == "UNKNOWN"


def test_nothing_that_the_repository_configures_is_run(repository, tmp_path):
    mark = tmp_path / "ran"
    script = tmp_path / "evil"
    script.write_text(f"#!/bin/sh\ntouch {mark}\n")
    script.chmod(0o755)
    for key in ("core.fsmonitor", "diff.external", "diff.x.textconv", "core.pager"):
        git(repository, "config", key, str(script))
    (repository / ".git" / "info" / "attributes").write_text("* diff=x\n")
    mark.unlink(missing_ok=True)
    look(repository)
    assert not mark.exists()


def test_ignored_files_are_not_the_source(repository):
    (repository / ".gitignore").write_text(".env\n")
    (repository / ".env").write_text(f"API_KEY={RANDOM}\n")
    assert shown(look(repository)) == "PASS"
    (repository / "new.env").write_text(f"API_KEY={RANDOM}\n")
    assert shown(look(repository)) == "FAIL"


POD = (
    "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec: {{containers: [{{name: a{more}}}]}}\n"
)
CODED = base64.b64encode(RANDOM.encode()).decode()


@pytest.mark.parametrize(
    ("manifest", "status"),
    [
        (POD.format(more=f", env: [{{name: API_KEY, value: {RANDOM}}}]"), "FAIL"),
        (POD.format(more=", env: [{name: API_KEY, value: $(OTHER)}]"), "PASS"),
        (POD.format(more=", env: [{name: DEBUG, value: 'false'}]"), "PASS"),
        (f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata: {{api_key: {HEX}}}", "FAIL"),
        (f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata: {{a.env: 'API_KEY={HEX}'}}", "FAIL"),
        (f"apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\ndata: {{k: {CODED}}}", "FAIL"),
        ("apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {k: v}", "FAIL"),
        ("apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {}", "PASS"),
        ("apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {k: 'ENC[a]'}\nsops: {mac: x}", "PASS"),
    ],
)  # fmt: skip
def test_manifests(tree, tmp_path, manifest, status):
    file = tmp_path / "m.yaml"
    file.write_text(manifest)
    assert shown(look(tree, kubernetes=Kubernetes(manifests=(file,)))) == status


@pytest.mark.parametrize(
    ("env", "history", "status"),
    [
        (["PATH=/bin", "API_KEY=${API_KEY}"], "", "PASS"),
        (["PATH=/bin", f"API_KEY={HEX}"], "", "FAIL"),
        ([f"DATABASE_URL=postgresql://app:{HEX}@db/shop"], "", "FAIL"),
        ([], f"RUN |1 NPM_TOKEN={PLANTED['npm token']} /bin/sh -c npm ci", "FAIL"),
    ],
)
def test_images(tree, tmp_path, env, history, status):
    file = tmp_path / "image.json"
    file.write_text(json.dumps([{"Config": {"Env": env}, "history": [{"created_by": history}]}]))
    assert shown(look(tree, application=Application(images=(file,)))) == status


def test_an_image_that_nobody_shows_is_unknown(tree, tmp_path):
    file = tmp_path / "m.yaml"
    file.write_text(POD.format(more=", image: shop:1"))
    manifests = Kubernetes(manifests=(file,))
    assert shown(look(tree, kubernetes=manifests)) == "UNKNOWN"
    image = tmp_path / "image.json"
    image.write_text('{"config": {"Env": ["A=b"]}}')
    both = {"kubernetes": manifests, "application": Application(images=(image,))}
    assert shown(look(tree, **both)) == "PASS"


@pytest.mark.parametrize(
    ("named", "tags", "status"),
    [
        ("shop:1", ["shop:1"], "PASS"),
        ("docker.io/library/shop", ["shop:latest"], "PASS"),
        ("shop:1", ["shop:2"], "UNKNOWN"),
        ("shop@sha256:00", ["shop@sha256:00", "shop:1"], "PASS"),
        ("shop:1@sha256:00", ["shop:1"], "UNKNOWN"),
        ("a.example:5000/shop:1", ["a.example:5000/shop:1"], "PASS"),
        ("a.example/shop:1", ["b.example/shop:1"], "UNKNOWN"),
    ],
)
def test_an_image_of_another_name_is_another_image(tree, tmp_path, named, tags, status):
    manifest, image = tmp_path / "m.yaml", tmp_path / "image.json"
    manifest.write_text(POD.format(more=f", image: '{named}'"))
    image.write_text(json.dumps([{"RepoTags": tags, "Config": {"Env": ["A=b"]}}]))
    both = {
        "kubernetes": Kubernetes(manifests=(manifest,)),
        "application": Application(images=(image,)),
    }
    assert shown(look(tree, **both)) == status


def test_units(tree, tmp_path):
    unit = tmp_path / "shop.service"
    unit.write_text(f"[Service]\nEnvironment=API_KEY={HEX}\n")
    assert shown(look(tree, application=Application(units=(unit,)))) == "FAIL"
    unit.write_text("[Service]\nLoadCredential=api-key:/etc/credstore/api-key\n")
    assert shown(look(tree, application=Application(units=(unit,)))) == "PASS"


def test_reviewed_false_alarms(tree, tmp_path):
    (tree / "test_login.py").write_text(f'password = "{HEX}"\n')
    file = tmp_path / "alarms.yaml"
    entry = f"fingerprints: {{{fingerprint(HEX)}: password of a throw-away database}}"
    file.write_text(f"reviewed_by: sec@example.com\nreviewed_on: 2026-11-01\n{entry}\n")
    fact = look(tree, credentials=Credentials(false_alarms=file))
    assert fact.reviewed_by == "sec@example.com, 2026-11-01"
    assert shown(fact) == "PASS"
    file.write_text(entry)
    with pytest.raises(NotSeen, match="reviewed_by"):
        look(tree, credentials=Credentials(false_alarms=file))


def test_no_source_is_not_configured():
    with pytest.raises(NotSeen) as caught:
        secrets_in_code.gather(visit("http://x"))
    assert caught.value.cause == "not_configured"


def workload(env="", annotations="", volumes=""):
    return f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: shop}}
spec:
  template:
    metadata: {{annotations: {{{annotations}}}}}
    spec: {{volumes: [{volumes}], containers: [{{name: a, {env}}}]}}
"""


BY_KEY = "env: [{name: A, valueFrom: {secretKeyRef: {name: shop, key: A}}}]"
WHOLE = "envFrom: [{secretRef: {name: shop}}]"
EXTERNAL = """
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: shop}
spec: {data: [{secretKey: A}]}
"""
SEALED = """
---
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata: {name: shop}
spec: {encryptedData: {A: AgBy3i4OJSWK+PiTySYZZA9rO43cGDEq}}
"""
OTHER_KEY = EXTERNAL.replace("secretKey: A", "secretKey: B")
ALL_KEYS = EXTERNAL.replace("{data: [{secretKey: A}]}", "{dataFrom: [{extract: {key: shop}}]}")
CLASS = """
---
apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata: {name: store}
spec: {secretObjects: [{secretName: shop, data: [{key: A}]}]}
"""
PLAIN = """
---
apiVersion: v1
kind: Secret
metadata: {name: shop}
stringData: {A: hunter2hunter2}
"""


@pytest.mark.parametrize(
    ("manifest", "status"),
    [
        (workload(BY_KEY) + EXTERNAL, "PASS"),
        (workload(WHOLE) + EXTERNAL, "PASS"),
        (workload(WHOLE) + ALL_KEYS, "PASS"),
        (workload(BY_KEY) + SEALED, "PASS"),
        (workload(BY_KEY) + CLASS, "PASS"),
        (workload("", 'vault.hashicorp.com/agent-inject: "true", vault.hashicorp.com/agent-inject-secret-A: kv/a'), "PASS"),
        (workload("", 'vault.hashicorp.com/agent-inject: "false", vault.hashicorp.com/agent-inject-secret-A: kv/a'), "UNKNOWN"),
        (workload(BY_KEY), "WARN"),
        (workload(WHOLE), "WARN"),
        (workload(BY_KEY) + OTHER_KEY, "WARN"),
        (workload(BY_KEY) + PLAIN, "FAIL"),
        (workload(WHOLE) + PLAIN, "FAIL"),
        (workload("env: [{name: A, value: hunter2hunter2}]"), "FAIL"),
        (workload("env: [{name: A, value: 'postgresql://app:$(PASSWORD)@db/shop'}]"), "UNKNOWN"),
        (workload("env: [{name: B, value: x}]"), "UNKNOWN"),
    ],
)  # fmt: skip
def test_where_secrets_come_from(tmp_path, manifest, status):
    file = tmp_path / "m.yaml"
    file.write_text(manifest)
    names = Credentials(database=("A",), token=("A",), api=())
    there = visit("http://x", kubernetes=Kubernetes(manifests=(file,)), credentials=names)
    assert CHECK.shows(secret_origins.gather(there))["manager_used"] == status


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("LoadCredential=A:/etc/credstore/a", "PASS"),
        ("LoadCredentialEncrypted=A", "PASS"),
        ("SetCredential=A:hunter2hunter2", "FAIL"),
        ("Environment='A=hunter2hunter2' B=c", "FAIL"),
        ("Environment=B=c", "UNKNOWN"),
    ],
)
def test_systemd_units(tmp_path, line, status):
    unit = tmp_path / "shop.service"
    unit.write_text(f"[Service]\n{line}\n")
    names = Credentials(database=("A",), token=("A",), api=())
    there = visit("http://x", application=Application(units=(unit,)), credentials=names)
    assert CHECK.shows(secret_origins.gather(there))["manager_used"] == status


@pytest.mark.parametrize(
    ("mode", "owner", "status"), [(0o400, 0, "WARN"), (0o440, 0, "FAIL"), (0o400, 1000, "FAIL")]
)
def test_an_environment_file_is_a_weakness_at_best(tmp_path, monkeypatch, mode, owner, status):
    from readiness_kit.probes.environment import places as environments

    file = tmp_path / "shop.env"
    file.write_text("A=hunter2hunter2\n")
    file.chmod(mode)
    place = environments._file(file)
    monkeypatch.setattr(
        environments, "_file", lambda _: environments.Place(**{**vars(place), "owner": owner})
    )
    names = Credentials(database=("A",), token=("A",), api=())
    there = visit("http://x", application=Application(environment_file=file), credentials=names)
    assert CHECK.shows(secret_origins.gather(there))["manager_used"] == status


@pytest.mark.parametrize(("name", "status"), [("A", "PASS"), ("KEY", "FAIL")])
def test_a_copy_of_an_api_key_beside_the_manager_is_a_value(tmp_path, name, status):
    manifest, env = tmp_path / "m.yaml", tmp_path / "shop.env"
    manifest.write_text(
        workload(WHOLE) + EXTERNAL.replace("[{secretKey: A}]", "[{secretKey: A}, {secretKey: KEY}]")
    )
    env.write_text(f"{name}=hunter2hunter2\n")
    there = visit(
        "http://x",
        kubernetes=Kubernetes(manifests=(manifest,)),
        application=Application(environment_file=env),
        credentials=Credentials(database=("A",), token=("A",), api=("KEY",)),
    )
    assert CHECK.shows(secret_origins.gather(there))["manager_used"] == status
