"""What identifies the deployment that was asked, beyond its name."""

from readiness_kit.facts import Fact, Record


class PublicKey(Record, frozen=True):
    """The key that one address of the public endpoint proved to have."""

    address: str
    """``ip:port``."""

    sha256: str
    """Digest of its SubjectPublicKeyInfo, in hexadecimal (RFC 7469, section 2.4)."""


class Identity(Fact, frozen=True, kw_only=True):
    """What the deployment shows of itself; each part is there or its absence has a reason."""

    release: str
    """Version and commit as declared; empty when they are not."""

    public_keys: tuple[PublicKey, ...]
    """One for each address that speaks TLS."""

    system_identifier: str | None
    """Of the PostgreSQL cluster, from ``pg_control_system()``: a number longer than JSON keeps."""

    schema_sha256: str | None
    """Digest of the live GraphQL schema, sorted, in hexadecimal."""

    versions: tuple[str, ...]
    """Distinct answers of ``api.version`` at its addresses."""

    unseen: dict[str, str]
    """Part to the reason why it could not be had."""

    @property
    def parts(self) -> dict[str, str]:
        """Return what was seen, one text for each part.

        >>> from datetime import UTC, datetime
        >>> Identity(observed_at=datetime(2026, 1, 1, tzinfo=UTC), release="1.2 4f2c",
        ...          public_keys=(), system_identifier="75", schema_sha256=None, versions=(),
        ...          unseen={}).parts
        {'release': '1.2 4f2c', 'system_identifier': '75'}
        """
        keys = sorted({one.sha256 for one in self.public_keys})
        found = {
            "release": self.release,
            "public_key_sha256": " ".join(keys),
            "system_identifier": self.system_identifier or "",
            "schema_sha256": self.schema_sha256 or "",
            "version": " ".join(self.versions),
        }
        return {part: text for part, text in found.items() if text}
