"""Who may sign as what: OpenSSH's ``allowed_signers`` (ssh-keygen(1), ALLOWED SIGNERS), strictly.

A line names people, the namespaces they may sign in, and their key::

    ann@example.com namespaces="security-lead@signoff.readiness-kit" ssh-ed25519 AAAAC3Nza…

Stricter than OpenSSH where leniency would let somebody in unnoticed: no wildcards, ``namespaces=``
must be there, and times must end in ``Z``. With ``cert-authority`` the key is that of an authority,
whose certificates let the people of the line sign, as long as they name them.
"""

import base64
import binascii
import hashlib
import os
import re
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from readiness_kit.errors import IntegrityError
from readiness_kit.evidence import atomic
from readiness_kit.records import certificates, publickeys, sshsig
from readiness_kit.records.certificates import FOREVER

MAX_BYTES = 1024 * 1024
VERIFY_S = 20.0
"""How long ssh-keygen may take over one signature."""

LINE = re.compile(
    r"(?P<people>[^\s\"]+)[ \t]+"
    r"(?:(?P<options>[a-z-]+(?:=\"[^\"]*\")?(?:,[a-z-]+(?:=\"[^\"]*\")?)*)[ \t]+)?"
    r"(?P<kind>(?:ssh|ecdsa|sk)-[a-z0-9@.-]+)[ \t]+"
    r"(?P<key>[A-Za-z0-9+/]+=*)(?:[ \t].*)?"
)
OPTION = re.compile(r"([a-z-]+)(?:=\"([^\"]*)\")?")
KNOWN = {"cert-authority", "namespaces", "valid-after", "valid-before"}
PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+@-]*")
"""A principal or namespace without wildcards."""


@dataclass(frozen=True, kw_only=True)
class Signer:
    """One line: people who share a key, and what it may sign."""

    principals: tuple[str, ...]
    namespaces: tuple[str, ...]
    key: bytes
    """Blob of the public key."""
    valid_after: datetime | None = None
    valid_before: datetime | None = None
    authority: bool = False
    """The key is that of an authority: its certificates count, and it does not sign itself."""

    def may_sign(self, principal: str, namespace: str, at: datetime) -> bool:
        """Whether *principal* may sign in *namespace* with this key at the time *at*."""
        return (
            principal in self.principals
            and namespace in self.namespaces
            and (self.valid_after is None or at >= self.valid_after)
            and (self.valid_before is None or at <= self.valid_before)
        )

    def line(self) -> str:
        """Return the line of ``allowed_signers``, without its end."""
        options = ["cert-authority"] if self.authority else []
        options.append(f'namespaces="{",".join(self.namespaces)}"')
        if self.valid_after is not None:
            options.append(f'valid-after="{self.valid_after:%Y%m%d%H%M%SZ}"')
        if self.valid_before is not None:
            options.append(f'valid-before="{self.valid_before:%Y%m%d%H%M%SZ}"')
        return f"{','.join(self.principals)} {','.join(options)} {publickeys.line(self.key)}"


class Authorised(NamedTuple):
    """A signature by somebody who may sign so."""

    principal: str
    key: bytes
    """Blob of the plain public key: compare these, never names."""
    tools: tuple[str, ...]
    """What verified it; where ssh-keygen is installed, both."""
    until: datetime | None
    """When that person may no longer sign so with that key; ``None``: not limited."""


@dataclass(frozen=True)
class AllowedSigners:
    """The people who may sign, exactly as their file has it."""

    text: bytes
    """The file; ssh-keygen gets these bytes, so that both verifiers read the same."""
    signers: tuple[Signer, ...]

    @classmethod
    def read(cls, path: Path) -> "AllowedSigners":
        """Read the file at *path*.

        Raises:
            IntegrityError: Missing, or a line is wrong or too lenient; names line and fact.

        """
        return cls.parse(atomic.read(path, max_bytes=MAX_BYTES), str(path))

    @classmethod
    def parse(cls, text: bytes, name: str = "allowed_signers") -> "AllowedSigners":
        """Parse the content of a file called *name*."""
        try:
            lines = text.decode().split("\n")
        except UnicodeDecodeError as error:
            raise IntegrityError(f"{name} is not UTF-8: {error}") from error
        signers = []
        for number, line in enumerate(lines, start=1):
            if line.strip() and not line.startswith("#"):
                signers.append(_parse_line(line, f"{name}, line {number}"))
        return cls(text, tuple(signers))

    @property
    def sha256(self) -> str:
        """Digest of the file, by which a policy or a verifier may pin it."""
        return hashlib.sha256(self.text).hexdigest()

    def authorise(
        self, message: bytes, armored: bytes, *, principal: str, namespace: str, at: datetime
    ) -> Authorised:
        """Demand that *principal* signed *message* in *namespace* and may do so at the time *at*.

        Raises:
            IntegrityError: Says which of it does not hold.

        """
        held = sshsig.signer(message, armored, namespace)
        key, until = self._admit(held, principal, namespace, at)
        program = sshsig.ssh_keygen()
        if program is None:
            return Authorised(principal, key, ("readiness-kit",), until)
        when = f"-Overify-time={at.astimezone(UTC):%Y%m%d%H%M%S}"
        argv = (program, "-Y", "verify", "-I", principal, "-n", namespace, when)
        self._ask_ssh_keygen(argv, message, armored)
        return Authorised(principal, key, ("readiness-kit", "ssh-keygen"), until)

    def _admit(
        self, held: bytes, principal: str, namespace: str, at: datetime
    ) -> tuple[bytes, datetime | None]:
        """Return the plain key in *held*, a key or a certificate, and until when it may sign so."""
        certificate = certificates.parse(held) if certificates.is_certificate(held) else None
        key = certificate.key if certificate else held
        listed = certificate.authority if certificate else held
        lines = [
            one
            for one in self.signers
            if one.key == listed
            and one.authority == (certificate is not None)
            and one.may_sign(principal, namespace, at)
        ]
        fault = certificate.fault(principal, at) if certificate else ""
        if fault or not lines:
            raise IntegrityError(
                f"{principal} may not sign as {namespace} with {publickeys.fingerprint(key)}"
                + (f": {fault}" if fault else ""),
                hint="allowed_signers must name person, namespace and this key, valid at that time",
            )
        ends = [one.valid_before or FOREVER for one in lines]
        until = min(max(ends), certificate.ends if certificate else FOREVER)
        return key, until if until < FOREVER else None

    def _ask_ssh_keygen(self, argv: tuple[str, ...], message: bytes, armored: bytes) -> None:
        """Demand that ssh-keygen agrees; without ``Z`` it reads times in the zone of ``TZ``."""
        with tempfile.TemporaryDirectory(prefix="readiness-") as folder:
            signers, signature = Path(folder, "allowed_signers"), Path(folder, "signature")
            signers.write_bytes(self.text)
            signature.write_bytes(armored)
            try:
                done = subprocess.run(
                    (*argv, "-f", str(signers), "-s", str(signature)),
                    input=message,
                    capture_output=True,
                    timeout=VERIFY_S,
                    check=False,
                    env={**os.environ, "TZ": "UTC"},
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                raise IntegrityError(f"ssh-keygen did not verify: {error}") from error
        if done.returncode != 0:
            said = (done.stderr + done.stdout).decode(errors="replace").strip()
            raise IntegrityError(f"ssh-keygen refuses the signature: {said}")


def write(path: Path, signers: Iterable[Signer]) -> None:
    """Write an ``allowed_signers`` file that :meth:`AllowedSigners.read` accepts."""
    text = "".join(f"{signer.line()}\n" for signer in signers).encode()
    AllowedSigners.parse(text, str(path))
    atomic.write(path, text)


def _parse_line(line: str, where: str) -> Signer:
    match = LINE.fullmatch(line.rstrip("\r"))
    if match is None:
        raise IntegrityError(
            f"{where} is not understood", hint='write: PEOPLE namespaces="…" KEYTYPE KEY'
        )
    options = _options(match["options"] or "", where)
    if "namespaces" not in options:
        raise IntegrityError(
            f"{where}: without namespaces= this key could sign as anybody",
            hint='add namespaces="<role>@signoff.readiness-kit"',
        )
    return Signer(
        principals=_plain(match["people"], where),
        namespaces=_plain(options["namespaces"], where),
        key=_key(match["kind"], match["key"], where),
        valid_after=_time(options.get("valid-after"), where),
        valid_before=_time(options.get("valid-before"), where),
        authority="cert-authority" in options,
    )


def _options(text: str, where: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in OPTION.findall(text):
        if name not in KNOWN or name in found:
            raise IntegrityError(f"{where}: the option {name!r} is unknown or stands twice")
        found[name] = value
    return found


def _plain(text: str, where: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    for name in names:
        if not PLAIN.fullmatch(name):
            raise IntegrityError(
                f"{where}: {name!r} is no plain name", hint="name everyone; wildcards are refused"
            )
    return names


def _key(kind: str, text: str, where: str) -> bytes:
    try:
        blob = base64.b64decode(text, validate=True)
        publickeys.parse(blob)
    except (binascii.Error, IntegrityError) as error:
        raise IntegrityError(f"{where}: no usable key: {error}") from error
    if publickeys.kind_of(blob) != kind:
        raise IntegrityError(f"{where}: the key is no {kind}")
    return blob


def _time(text: str | None, where: str) -> datetime | None:
    if text is None:
        return None
    form = {9: "%Y%m%dZ", 13: "%Y%m%d%H%MZ", 15: "%Y%m%d%H%M%SZ"}.get(len(text), "none")
    try:
        return datetime.strptime(text, form).replace(tzinfo=UTC)
    except ValueError as error:
        raise IntegrityError(
            f"{where}: the time {text!r} is not understood",
            hint="write YYYYMMDDZ or YYYYMMDDHHMMSSZ; without Z it would depend on the reader",
        ) from error
