"""What Prometheus says of the targets it scrapes."""

from readiness_kit.facts import Fact, Record


class ScrapeTarget(Record, frozen=True, kw_only=True):
    """One target of the scraper."""

    job: str
    """Its job."""

    url: str
    """What is scraped."""

    health: str
    """``up``, ``down`` or ``unknown``."""

    age_s: float
    """Time since the last scrape, by Prometheus' own clock."""

    interval_s: float
    """Declared interval between scrapes."""

    error: str
    """What the last scrape said; empty when it went well."""


class ScrapeTargets(Fact, frozen=True, kw_only=True):
    """The active targets of Prometheus."""

    declared: tuple[str, ...]
    """Where the metrics of each process are: ``api.metrics_urls``."""

    targets: tuple[ScrapeTarget, ...]
    """Every active target."""
