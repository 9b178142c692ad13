"""Secrets: none lies in source, history, images or configuration; those in use are managed.

>>> CHECK.shows()
{'none_in_code_or_configuration': 'PASS', 'manager_used': 'PASS'}
>>> CHECK.shows(leave_a_key(CODE))["none_in_code_or_configuration"]
'FAIL'
>>> CHECK.shows(miss_the_planted(CODE))["none_in_code_or_configuration"]
'UNKNOWN'
>>> CHECK.shows(use_plain_secrets(ORIGINS))["manager_used"]
'WARN'
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from readiness_kit.facts.secrets import (
    FoundSecret,
    Searched,
    SecretOrigin,
    SecretOrigins,
    SecretsInCode,
)
from readiness_kit.verdict import Case, Cause, Check, Finding, Grade, judges

SHOWN = 5
"""How many finds a finding names; the fact holds all."""

WEAK = frozenset({"kubernetes_secret", "private_file"})


@judges("none_in_code_or_configuration")
def judge_code(code: SecretsInCode) -> Iterator[Finding]:
    """Nothing is found that nobody has reviewed, by a search that finds what was planted."""
    real = [one for one in code.found if not (one.reviewed and code.reviewed_by)]
    missed = [kind for kind, found in code.planted.items() if not found]
    unsearched = [one for one in code.searched if not one.complete]
    unseen_images = ", ".join(code.unseen_images)
    case = Case(
        claim="none_in_code_or_configuration",
        got=_got(code, real)
        + f"; planted but not found: {', '.join(missed)}" * bool(missed)
        + "".join(f"; {one.what} not searched whole: {one.reason}" for one in unsearched)
        + f"; not searched: {unseen_images}" * bool(unseen_images),
        want="no secret but reviewed false alarms, and every planted one found",
        seen=[SecretsInCode.at("/found"), SecretsInCode.at("/searched")],
        reproduce="detect-secrets scan --all-files SOURCE; gitleaks git SOURCE",
        grade=Grade.DECLARED,
    )
    tree = next((one for one in code.searched if one.what == "tree"), None)
    if real:
        yield case.fails("withdraw each at its issuer first, then remove it: history keeps it")
    elif tree is None or tree.items < 1 or {"history"} - {one.what for one in code.searched}:
        yield case.not_seen(Cause.NOT_CONFIGURED)
    elif missed or not code.planted:
        yield case.not_seen(Cause.UNPROVEN)
    elif unsearched:
        yield case.not_seen(
            Cause.COULD_NOT_ASK,
            "let git read the whole history (fetch --unshallow), or say source.history: false of a"
            " tree that a program wrote",
        )
    elif unseen_images:
        yield case.not_seen(Cause.NOT_CONFIGURED, "docker image inspect NAME > FILE")
    else:
        yield case.holds()


def _got(code: SecretsInCode, real: list[FoundSecret]) -> str:
    alarms = len(code.found) - len(real)
    named = "".join(f"; {one.kind} in {one.where} ({one.fingerprint})" for one in real[:SHOWN])
    where = ", ".join(
        f"{one.what}: {one.items}" + f" ({one.reason})" * bool(one.reason and one.complete)
        for one in code.searched
    )
    reviewed = f"; {alarms} false alarms by {code.reviewed_by}" if alarms else ""
    return f"{len(real)} secrets{named}{reviewed}; searched {where or 'nothing'}"


@judges("manager_used")
def judge_origins(origins: SecretOrigins) -> Iterator[Finding]:
    """The secrets of database, token and API come from a manager, wherever they are given."""
    wanted = [name for names in origins.declared.values() for name in names]
    found = {one.name for one in origins.origins if one.way != "not_found"}
    lost = [name for name in wanted if name not in found]
    written = [one for one in origins.origins if one.way == "value"]
    weak = [one for one in origins.origins if one.way in WEAK]
    case = Case(
        claim="manager_used",
        got="; ".join(f"{one.name}: {_told(one)}" for one in origins.origins) or "nothing was told",
        want=f"from a secrets manager: {', '.join(wanted) or 'database, token and API'}",
        seen=[SecretOrigins.at("/origins")],
        reproduce="kubectl get externalsecret,sealedsecret,secretproviderclass; "
        "grep -rn 'Credential' /etc/systemd/system",
        grade=Grade.DECLARED,
    )
    if written:
        yield case.fails("let External Secrets, a CSI driver, Vault or LoadCredential= bring it")
    elif not all(origins.declared.get(role) for role in ("database", "token")):
        yield case.not_seen(Cause.NOT_CONFIGURED, "name them under credentials")
    elif lost:
        yield case.not_seen(Cause.COULD_NOT_ASK, "name the variables really used under credentials")
    elif weak:
        yield case.holds(
            "a plain Secret is readable for whoever may read etcd: use a manager (NSA)"
        )
    else:
        yield case.holds()


def _told(one: SecretOrigin) -> str:
    where = f" in {one.where}" if one.where else ""
    return f"{one.way.replace('_', ' ')}{where}" + f" ({one.detail})" * bool(one.detail)


_NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CODE = SecretsInCode(
    observed_at=_NOW,
    searched=(
        Searched(what="tree", items=120, complete=True, reason=""),
        Searched(what="history", items=900, complete=True, reason=""),
        Searched(what="manifests", items=6, complete=True, reason=""),
        Searched(what="images", items=1, complete=True, reason=""),
    ),
    found=(
        FoundSecret(
            kind="AWS access key",
            what="tree",
            where="tests/test_login.py:12",
            fingerprint="1a5d44a2dca1",
            reviewed=True,
        ),
    ),
    images_named=("registry.example.com/shop:1.4",),
    images_searched=(("registry.example.com/shop:1.4",),),
    reviewed_by="security@example.com, 2026-02-20",
    planted={"AWS access key": True, "private key": True},
)
ORIGINS = SecretOrigins(
    observed_at=_NOW,
    declared={"database": ("DATABASE_URL",), "token": ("JWT_SECRET",), "api": ("API_KEYS",)},
    read=("deployment.yaml: Deployment/shop",),
    origins=(
        SecretOrigin(
            role="database",
            name="DATABASE_URL",
            way="manager",
            where="deployment.yaml: Deployment/shop",
            detail="ExternalSecret shop",
        ),
        SecretOrigin(
            role="token",
            name="JWT_SECRET",
            way="manager",
            where="deployment.yaml: Deployment/shop",
            detail="ExternalSecret shop",
        ),
        SecretOrigin(
            role="api",
            name="API_KEYS",
            way="manager",
            where="deployment.yaml: Deployment/shop",
            detail="ExternalSecret shop",
        ),
    ),
)


def leave_a_key(code: SecretsInCode) -> SecretsInCode:
    """A key stands in the source."""
    key = FoundSecret(
        kind="GitHub token",
        what="tree",
        where="shop/client.py:7",
        fingerprint="9f86d081884c",
        reviewed=False,
    )
    return code.replace(found=(*code.found, key))


def review_nothing(code: SecretsInCode) -> SecretsInCode:
    """Nobody says that the find is a false alarm."""
    return code.replace(reviewed_by="")


def miss_the_planted(code: SecretsInCode) -> SecretsInCode:
    """The search does not find what was planted."""
    return code.replace(planted=dict.fromkeys(code.planted, False))


def cut_history(code: SecretsInCode) -> SecretsInCode:
    """The clone is shallow."""
    cut = (replace(one, complete=False) if one.what == "history" else one for one in code.searched)
    return code.replace(searched=tuple(cut))


def search_nothing(code: SecretsInCode) -> SecretsInCode:
    """No place was searched."""
    return code.replace(searched=())


def hide_images(code: SecretsInCode) -> SecretsInCode:
    """The manifests name one more image."""
    return code.replace(images_named=(*code.images_named, "registry.example.com/other:1"))


def _ways(origins: SecretOrigins, way: str) -> SecretOrigins:
    return origins.replace(origins=tuple(replace(one, way=way) for one in origins.origins))


def use_plain_secrets(origins: SecretOrigins) -> SecretOrigins:
    """What was managed lies in plain Secrets."""
    plain = (
        replace(one, way="kubernetes_secret") if one.way == "manager" else one
        for one in origins.origins
    )
    return origins.replace(origins=tuple(plain))


def write_values(origins: SecretOrigins) -> SecretOrigins:
    """Every secret stands in a manifest as it is."""
    return _ways(origins, "value")


def lose_origins(origins: SecretOrigins) -> SecretOrigins:
    """Nothing tells where they come from."""
    return _ways(origins, "not_found")


CHECK = Check(
    (judge_code, judge_origins),
    remedy="Withdraw and replace what was found, keep it out with a pre-commit scan, and let a "
    "secrets manager (External Secrets, CSI driver, Vault, systemd credentials) bring the rest.",
    references=(
        "OWASP Secrets Management Cheat Sheet",
        "NSA and CISA Kubernetes Hardening Guidance 1.2",
        "systemd.exec(5): LoadCredential=",
    ),
    good=(CODE, ORIGINS),
    worsen=(
        leave_a_key,
        review_nothing,
        miss_the_planted,
        cut_history,
        search_nothing,
        hide_images,
        use_plain_secrets,
        write_values,
        lose_origins,
    ),
    thresholds={
        "none_in_code_or_configuration": "nothing found but reviewed false alarms",
        "manager_used": "all from a manager; a plain Secret or a root-owned 0400 file is a warning",
    },
)
