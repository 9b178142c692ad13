"""API keys: kept in a secrets manager, rotated by a written policy, each use recorded.

>>> set(CHECK.shows().values())
{'PASS'}
>>> CHECK.shows(write_keys(ORIGINS))["store"]
'FAIL'
>>> CHECK.shows(forget_days(ROTATION))["rotation"]
'WARN'
>>> CHECK.shows(refuse_the_key(USE))["audit"]
'UNKNOWN'
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from readiness_kit.checks.security.secrets import (
    CODE,
    leave_a_key,
    miss_the_planted,
    use_plain_secrets,
)
from readiness_kit.facts.callers.api_keys import KeyRotation, KeyUse, RotatedKey, StatedRotation
from readiness_kit.facts.secrets import FoundSecret, SecretOrigin, SecretOrigins, SecretsInCode
from readiness_kit.verdict import Case, Cause, Check, Finding, Grade, judges

LONGEST_DAYS = 90.0
"""Longest period (default)."""

LONGEST_WEAK_DAYS = 365.0
"""Longest period that counts as one at all (default)."""

LONGEST_WAIT_S = 60.0
"""Time in which the record is to be there."""

NO_API_KEYS = frozenset(
    {"private key", "age key", "password in a URL", "password assigned to a name"}
)
"""Secrets that are no keys of an API; security.secrets judges them."""


@judges("store")
def judge_store(origins: SecretOrigins, code: SecretsInCode) -> Iterator[Finding]:
    """Every API key comes from a manager, and none is written in source, image or environment."""
    keys = [one for one in origins.origins if one.role == "api"]
    written = [f"{one.name} in {one.where}" for one in keys if one.way in {"value", "private_file"}]
    found = [one for one in code.found if _is_key(one, code)]
    written += [f"{one.kind} in {one.where} ({one.fingerprint})" for one in found]
    names = origins.declared.get("api", ())
    told = {one.name for one in keys if one.way in {"manager", "kubernetes_secret"}}
    case = Case(
        claim="store",
        got=("; ".join(map(_way, keys)) or "no API key is named")
        + "".join(f"; written: {one}" for one in written[:5]),
        want=f"from a secrets manager, and written nowhere: {', '.join(names) or 'API keys'}",
        seen=[SecretOrigins.at("/origins"), SecretsInCode.at("/found")],
        reproduce="kubectl get externalsecret,sealedsecret,secretproviderclass",
        grade=Grade.DECLARED,
    )
    if written:
        yield case.fails("withdraw it at its issuer, and let the manager bring the new one")
    elif not names:
        yield case.not_seen(Cause.NOT_CONFIGURED, "name them as credentials.api")
    elif not set(names) <= told:
        yield case.not_seen(Cause.COULD_NOT_ASK, "name the manifests or units that bring them")
    elif not _searched_whole(code):
        yield case.not_seen(Cause.UNPROVEN, "see security.secrets.none_in_code_or_configuration")
    elif any(one.way == "kubernetes_secret" for one in keys):
        yield case.holds(
            "a plain Secret is readable for whoever may read etcd: use a manager (NSA)"
        )
    else:
        yield case.holds()


def _way(one: SecretOrigin) -> str:
    return f"{one.name}: {one.way.replace('_', ' ')} {one.detail}".strip()


def _is_key(one: FoundSecret, code: SecretsInCode) -> bool:
    reviewed = one.reviewed and bool(code.reviewed_by)
    return not reviewed and one.kind not in NO_API_KEYS and one.what != "history"


def _searched_whole(code: SecretsInCode) -> bool:
    """Tell whether source and images were searched, by a search that finds what is planted."""
    tree = any(one.what == "tree" and one.items > 0 for one in code.searched)
    whole = tree and all(one.complete for one in code.searched if one.what != "history")
    proven = bool(code.planted) and all(code.planted.values())
    return whole and proven and not code.unseen_images


@judges("rotation")
def judge_rotation(seen: KeyRotation) -> Iterator[Finding]:
    """A document gives a period of 90 days at the most, and no key is older than that."""
    policy = _policy(seen)
    aged = [one for one in seen.keys if one.age_days is not None]
    old = [one for one in aged if policy and not (one.age_days or 0.0) <= policy.days]
    case = Case(
        claim="rotation",
        got=(
            f"{policy.document}:{policy.line}: every {policy.days:g} days"
            if policy
            else f"no period in {', '.join(seen.documents) or 'any document'}"
        )
        + "".join(f"; {one.name}: {_told(one)}" for one in seen.keys),
        want=f"a period of {LONGEST_DAYS:g} days or less, and every key rotated within it",
        seen=[KeyRotation.at("/stated"), KeyRotation.at("/keys")],
        reproduce="grep -niE 'rotat' SECURITY_DOCUMENT; kubectl get externalsecret -o yaml",
        grade=Grade.DOCUMENTED,
    )
    if not seen.documents:
        yield case.not_seen(Cause.NOT_CONFIGURED)
    elif policy is None or not 0 < policy.days <= LONGEST_WEAK_DAYS or old:
        yield case.fails("write down a period, rotate by a job, and let it note the day")
    elif not aged or len(aged) < len(seen.keys):
        yield case.holds("let the job that rotates note the day: nothing tells the age of the keys")
    elif policy.days > LONGEST_DAYS:
        yield case.holds(f"rotate every {LONGEST_DAYS:g} days (default)")
    else:
        yield case.holds()


def _policy(seen: KeyRotation) -> StatedRotation | None:
    """Return the longest period for API keys, or else the longest for keys in general."""
    own = [one for one in seen.stated if one.names_api_keys]
    return max(own or seen.stated, key=lambda one: one.days, default=None)


def _told(one: RotatedKey) -> str:
    if one.age_days is None:
        return f"rotated on {one.on!r}, which is no day of the past" if one.on else "age not told"
    return f"rotated {max(0.0, one.age_days):.0f} days ago ({one.origin})"


@judges("audit")
def judge_audit(use: KeyUse) -> Iterator[Finding]:
    """A request with the canary key is in the audit log with key, time and action."""
    limit_s = min(use.waited_s, LONGEST_WAIT_S)
    after = f" after {use.after_s:g} s, by {use.told_by}" if use.after_s is not None else ""
    case = Case(
        claim="audit",
        got=f"request answered {use.status}; record of {use.key_id}: {use.record}{after}"
        + f", without {' and '.join(use.lacks)}" * bool(use.lacks)
        + f"; {use.readable} of {use.logs} logs readable",
        want=f"a record with key, time and action within {limit_s:g} s",
        seen=[KeyUse.at("/record"), KeyUse.at("/answered")],
        reproduce="curl -sS $URL/graphql -H \"authorization: Bearer $CANARY\" -d '…'; "
        f"grep {use.key_id or 'KEY_ID'} AUDIT_LOG | tail -n 1",
    )
    in_time = use.after_s is not None and 0 <= use.after_s <= limit_s + 1
    if not use.answered:
        yield case.not_seen(Cause.COULD_NOT_ASK, "the canary key is not accepted: renew it")
    elif use.record == "whole" and in_time and use.told_by and not use.lacks:
        yield case.holds()
    elif use.readable < use.logs or use.logs < 1:
        yield case.not_seen(Cause.COULD_NOT_ASK, "let the kit's account read every audit log")
    else:
        yield case.fails("log who, when and what for every authenticated request (OWASP Logging)")


_NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ORIGINS = SecretOrigins(
    observed_at=_NOW,
    declared={"database": ("DATABASE_URL",), "token": ("JWT_SECRET",), "api": ("API_KEYS",)},
    read=("deployment.yaml: Deployment/shop",),
    origins=(
        SecretOrigin(
            role="api",
            name="API_KEYS",
            way="manager",
            where="deployment.yaml: Deployment/shop",
            detail="ExternalSecret shop",
        ),
    ),
)
ROTATION = KeyRotation(
    observed_at=_NOW,
    documents=("security: security.md",),
    stated=(
        StatedRotation(
            days=90.0,
            names_api_keys=True,
            document="security.md",
            line=31,
            words="API keys are rotated every 90 days",
        ),
    ),
    keys=(
        RotatedKey(
            name="API_KEYS",
            on="2026-02-01",
            age_days=28.5,
            origin="external_secret.yaml: ExternalSecret/shop rotated-on",
        ),
    ),
)
USE = KeyUse(
    observed_at=_NOW,
    key_id="canary",
    status=200,
    answered=True,
    logs=2,
    readable=2,
    record="whole",
    told_by="request_id",
    lacks=(),
    after_s=0.1,
    waited_s=60.0,
)


def write_keys(origins: SecretOrigins) -> SecretOrigins:
    """Every key stands in a manifest as it is."""
    written = (replace(one, way="value") for one in origins.origins)
    return origins.replace(origins=tuple(written))


def forget_the_policy(seen: KeyRotation) -> KeyRotation:
    """No document gives a period."""
    return seen.replace(stated=())


def take_a_year(seen: KeyRotation) -> KeyRotation:
    """Every period is a day longer than a quarter at least, and keys are that much older."""
    longer = (
        replace(one, days=max(91.0, one.days)) if one.days > 0 else one for one in seen.stated
    )
    older = (
        replace(one, age_days=one.age_days + 91.0) if one.age_days is not None else one
        for one in seen.keys
    )
    return seen.replace(stated=tuple(longer), keys=tuple(older))


def grow_old(seen: KeyRotation) -> KeyRotation:
    """Every key is a year older than it was."""
    older = (
        one if one.age_days is None else replace(one, age_days=one.age_days + 366)
        for one in seen.keys
    )
    return seen.replace(keys=tuple(older))


def forget_days(seen: KeyRotation) -> KeyRotation:
    """Nothing tells when the keys were rotated; no key is known to be too old any more."""
    policy = _policy(seen)
    young = [one for one in seen.keys if policy and (one.age_days or 0.0) <= policy.days]
    forgotten = (replace(one, age_days=None) if one in young else one for one in seen.keys)
    return seen.replace(keys=tuple(forgotten))


def lose_the_record(use: KeyUse) -> KeyUse:
    """The log does not name the key."""
    return use.replace(record="none", after_s=None)


def name_no_action(use: KeyUse) -> KeyUse:
    """The record does not say what was done."""
    return use.replace(record="partial", lacks=("action",))


def refuse_the_key(use: KeyUse) -> KeyUse:
    """The request is not answered."""
    return use.replace(answered=False, status=401)


CHECK = Check(
    (judge_store, judge_rotation, judge_audit),
    remedy="Keep API keys in a secrets manager, write down a period of 90 days or less, let a job "
    "rotate them and note the day, and log owner, time and action of every use.",
    references=(
        "OWASP Key Management Cheat Sheet",
        "OWASP Logging Cheat Sheet",
        "NIST SP 800-57 part 1 revision 5: cryptoperiods",
    ),
    good=(ORIGINS, CODE, ROTATION, USE),
    worsen=(
        write_keys,
        use_plain_secrets,
        leave_a_key,
        miss_the_planted,
        forget_the_policy,
        take_a_year,
        grow_old,
        forget_days,
        lose_the_record,
        name_no_action,
        refuse_the_key,
    ),
    thresholds={
        "store": "from a manager, written nowhere; a plain Secret is a warning",
        "rotation": f"{LONGEST_DAYS:g} days (default), {LONGEST_WEAK_DAYS:g} is a warning",
        "audit": f"key, time and action within {LONGEST_WAIT_S:g} s",
    },
)
