"""Secrets that lie where they should not, and where the service's own secrets come from.

No secret is ever kept: only kinds, places and fingerprints.
"""

from typing import Literal

from readiness_kit.facts import Fact, Record

What = Literal["tree", "history", "manifests", "units", "images"]
"""The source tree, what git remembers of it, manifests, systemd units, configuration of images."""


class Searched(Record, frozen=True):
    """One kind of place that was searched."""

    what: What

    items: int
    """Files of the tree, commits of the history, objects, units, images."""

    complete: bool
    """Whether all of it was searched."""

    reason: str
    """What was left out, and why; or why there is nothing of the kind."""


class FoundSecret(Record, frozen=True):
    """One secret; only its fingerprint is kept."""

    kind: str
    """Which form it has, e.g. ``AWS access key``."""

    what: What

    where: str
    """File with line, commit, object with key, or image with variable."""

    fingerprint: str
    """First 12 digits of its SHA-256."""

    reviewed: bool
    """Whether a person has marked it as a false alarm."""


class SecretsInCode(Fact, frozen=True, kw_only=True):
    """What a search of source, history, images and configuration found."""

    searched: tuple[Searched, ...]
    """Every kind of place."""

    found: tuple[FoundSecret, ...]
    """Every secret that was found, the first 200."""

    images_named: tuple[str, ...]
    """Images that the manifests run."""

    images_searched: tuple[tuple[str, ...], ...] = ()
    """Each image that was searched, by all its names; by none where its file tells none."""

    reviewed_by: str
    """Who marked the false alarms; empty when nobody did."""

    planted: dict[str, bool]
    """Positive control: for each kind, whether a planted one was found by the same search."""

    @property
    def unseen_images(self) -> tuple[str, ...]:
        """Images that run and were not searched; one that tells no name may be any of them.

        >>> image_name("docker.io/library/nginx"), image_name("a.io/b:1@sha256:00")
        ('nginx:latest', 'a.io/b@sha256:00')
        """
        known = {image_name(one) for names in self.images_searched for one in names}
        left = [one for one in self.images_named if image_name(one) not in known]
        nameless = sum(not names for names in self.images_searched)
        return tuple(left) if len(left) > nameless else ()


def image_name(reference: str) -> str:
    """Return *reference* as Docker completes it: by digest, else by tag, else ``latest``."""
    name, _, digest = reference.partition("@")
    path, _, last = name.rpartition("/")
    bare, _, tag = last.partition(":")
    hub = path in ("", "library", "docker.io", "docker.io/library")
    place = bare if hub else f"{path.removeprefix('docker.io/')}/{bare}"
    return f"{place}@{digest}" if digest else f"{place}:{tag or 'latest'}"


Way = Literal["manager", "kubernetes_secret", "private_file", "value", "not_found"]
"""``private_file``: an environment file that root owns and nobody else may read."""


class SecretOrigin(Record, frozen=True):
    """Where one secret of the service comes from."""

    role: Literal["database", "token", "api"]
    """What it is for."""

    name: str
    """Name of its variable or file."""

    way: Way

    where: str
    """Manifest, unit or file that says so."""

    detail: str
    """What fills it, e.g. ``ExternalSecret shop``."""


class SecretOrigins(Fact, frozen=True, kw_only=True):
    """Where the secrets of the service come from, by manifests, units and environment file."""

    declared: dict[str, tuple[str, ...]]
    """Names that were looked for, by role."""

    read: tuple[str, ...]
    """Manifests, units and files that were read."""

    origins: tuple[SecretOrigin, ...]
    """Each place that gives one of them; one ``not_found`` where there is none."""
