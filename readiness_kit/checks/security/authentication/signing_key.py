"""The key that signs tokens: where it comes from, how long it is, and that the source lacks it."""

from collections.abc import Iterator

from readiness_kit.checks.security.authentication.answers import MOMENT
from readiness_kit.facts.callers.authentication import SigningKey
from readiness_kit.verdict import Cause, Finding, Grade, Move, fails, holds, judges, not_seen

MIN_KEY_BYTES = 32
"""RFC 7518 3.2: an HS256 key has at least 256 bits."""


@judges("secret_from_environment")
def judge(key: SigningKey) -> Iterator[Finding]:
    """Judge where the signing key comes from, how long it is, and that the source lacks it."""
    claim, seen = "secret_from_environment", [SigningKey.at()]
    want = f"from environment or secret store, not in the source, >= {MIN_KEY_BYTES} bytes"
    repeat = "git -C $SOURCE log --all -p | grep -cF -f $FILE_WITH_THE_KEY"
    wrong = list(_faults(key))
    unclear = list(_gaps(key))
    names = ", ".join(key.variables)
    if wrong:
        got = f"{names}: {'; '.join(wrong)}"
        yield fails(claim, got=got, want=want, seen=seen, grade=Grade.DECLARED, reproduce=repeat)
    elif unclear:
        got = f"{names or key.file}: {'; '.join(unclear)}"
        yield not_seen(claim, Cause.COULD_NOT_ASK, got=got, want=want, seen=seen)
    else:
        got = f"{names} from {key.file}, {key.key_bytes} bytes, in none of {key.source_files} files"
        yield holds(claim, got=got, want=want, seen=seen, grade=Grade.DECLARED, reproduce=repeat)


def _faults(key: SigningKey) -> Iterator[str]:
    if key.literal:
        yield f"{key.file} holds the value itself, or a command nobody expands"
    if key.found_in:
        yield f"its value stands in {', '.join(key.found_in)}"
    if key.key_bytes is not None and key.key_bytes < MIN_KEY_BYTES:
        yield f"{key.key_bytes} bytes"
    if key.weak:
        yield key.weak


def _gaps(key: SigningKey) -> Iterator[str]:
    if not key.variables or key.found_by == "nothing":
        yield "no variable is known to hold the signing key"
    if key.found_by == "other":
        yield "the valid token is signed with another key, whose origin is not known"
    if key.key_bytes is None:
        yield "its length is not known: name the environment file it is rendered to"
    if key.form == "manifest" and not key.from_store:
        yield "not every reference is a secretKeyRef"
    if key.source_files <= 0 or key.history == "not_searched":
        yield "source and history were not searched whole: add source.path, fetch --unshallow"
    if key.source_unread > 0:
        yield f"{key.source_unread} or more files of the source were not searched"


GOOD = SigningKey(
    observed_at=MOMENT,
    file="api.env",
    form="environment_file",
    variables=("JWT_SECRET",),
    found_by="signature",
    from_store=False,
    literal=False,
    key_bytes=64,
    source_files=40,
    history="searched",
    found_in=(),
)


def put_key_in_source(fact: SigningKey) -> SigningKey:
    """The key stands in a source file."""
    return fact.replace(found_in=(*fact.found_in, "settings.py"))


def shorten_key(fact: SigningKey) -> SigningKey:
    """The key is one byte short."""
    return fact.replace(key_bytes=MIN_KEY_BYTES - 1)


def forget_source(fact: SigningKey) -> SigningKey:
    """The source was not searched."""
    return fact.replace(source_files=0, history="not_searched", found_in=())


def sign_with_another(fact: SigningKey) -> SigningKey:
    """The valid token is signed with a key that no variable holds."""
    return fact.replace(found_by="other")


def weaken_key(fact: SigningKey) -> SigningKey:
    """The key is long, and weak for its kind."""
    return fact.replace(weak="RSA of 1024 bits")


def leave_files_out(fact: SigningKey) -> SigningKey:
    """Some files of the source cannot be read."""
    return fact.replace(source_unread=1)


WORSEN: tuple[Move, ...] = (
    put_key_in_source,
    shorten_key,
    forget_source,
    sign_with_another,
    weaken_key,
    leave_files_out,
)
