"""Who may sign what: OpenSSH's ``allowed_signers`` file (ssh-keygen(1), ALLOWED SIGNERS)."""

import base64
import binascii
import fnmatch
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from readiness_kit.errors import IntegrityError, UsageError


class Signer(NamedTuple):
    """One line of the file."""

    principals: tuple[str, ...]
    """Mailboxes the key belongs to."""

    key: bytes
    """Public key blob."""

    namespaces: tuple[str, ...]
    """What the key may sign, as patterns; empty means anything."""

    valid_after: datetime | None
    valid_before: datetime | None

    def may(self, principal: str, namespace: str, at: datetime) -> bool:
        """Whether this key speaks for *principal* in *namespace* at that time."""
        if principal not in self.principals:
            return False
        if self.namespaces and not any(fnmatch.fnmatchcase(namespace, one) for one in self.namespaces):
            return False
        begun = self.valid_after is None or at >= self.valid_after
        return begun and (self.valid_before is None or at < self.valid_before)


def read_signers(file: Path) -> tuple[Signer, ...]:
    """Return the allowed signers in *file*.

    Raises:
        UsageError: Unreadable, or a line that is not understood; nothing is guessed.

    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{file} cannot be read: {error}", hint="--allowed-signers names the file of keys"
        ) from error
    numbered = ((n, line.strip()) for n, line in enumerate(lines, 1))
    return tuple(_signer(f"{file}:{n}", line) for n, line in numbered if line and line[0] != "#")


def _signer(where: str, line: str) -> Signer:
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from error
    principals, *rest = words
    options: dict[str, str] = {}
    while rest and not rest[0].startswith(("ssh-", "ecdsa-", "sk-")):
        for option in rest.pop(0).split(',"'):
            name, _, value = option.partition("=")
            options[name.lower()] = value
    unknown = options.keys() - {"namespaces", "valid-after", "valid-before"}
    if unknown or len(rest) < 2:
        word = ", ".join(sorted(unknown)) or "no key"
        raise UsageError(
            f"{where}: {word} is not understood",
            hint="wanted: PRINCIPALS [namespaces=…] [valid-after=…] [valid-before=…] KEY",
        )
    try:
        key = base64.b64decode(rest[1], validate=True)
    except binascii.Error as error:
        raise UsageError(f"{where}: the key is not base64: {error}") from error
    return Signer(
        principals=tuple(principals.split(",")),
        key=key,
        namespaces=tuple(one for one in options.get("namespaces", "").split(",") if one),
        valid_after=_time(where, options.get("valid-after")),
        valid_before=_time(where, options.get("valid-before")),
    )


def _time(where: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    digits = text.removesuffix("Z")
    forms = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
    try:
        moment = datetime.strptime(digits, forms[len(digits)])  # noqa: DTZ007 - zone set below
    except (ValueError, KeyError) as error:
        raise UsageError(f"{where}: {text!r} is no time") from error
    return moment.replace(tzinfo=UTC) if text.endswith("Z") else moment.astimezone()


def demand(
    signers: tuple[Signer, ...], key: bytes, principal: str, namespace: str, at: datetime
) -> None:
    """Demand that *key* may speak for *principal* in *namespace* at that time.

    Raises:
        IntegrityError: It may not.

    """
    if any(one.key == key and one.may(principal, namespace, at) for one in signers):
        return
    known = any(one.key == key for one in signers)
    got = f"its key may not sign as {principal} in {namespace}" if known else "its key is unknown"
    raise IntegrityError(got, hint="the allowed signers say who may sign what")


def mint_key(file: Path, comment: str) -> str:
    """Write a new Ed25519 private key to *file* (0600), and ``.pub`` beside it; return that line.

    Raises:
        UsageError: *file* exists.

    """
    private = ed25519.Ed25519PrivateKey.generate()
    data = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
    public = private.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    line = f"{public.decode()} {comment}"
    try:
        file.touch(mode=0o600, exist_ok=False)
    except FileExistsError as error:
        raise UsageError(f"{file} exists already", hint="keys are never overwritten") from error
    file.write_bytes(data)
    file.with_name(f"{file.name}.pub").write_text(line + "\n", encoding="utf-8")
    return line


def signer_line(principal: str, public_line: str, *namespaces: str) -> str:
    """Return a line of ``allowed_signers`` for a public key line."""
    key = " ".join(public_line.split()[:2])
    return f'{principal} namespaces="{",".join(namespaces)}" {key}'
