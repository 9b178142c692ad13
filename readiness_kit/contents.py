"""The table of contents: ten sections, eighty items, and the claims each item makes.

The items stand here in the order of the checklist. Their claims are data, in ``claims.tsv`` beside
this module: the weakest grade that proves each, what gathering costs, who owns it.
"""

import csv
import difflib
from functools import cache
from importlib import resources
from typing import Literal, NamedTuple

from readiness_kit.errors import UsageError

Effect = Literal["read", "canary", "load", "drill"]
Phase = Literal["pre_launch", "post_launch"]

EFFECTS: tuple[Effect, ...] = ("read", "canary", "load", "drill")
"""What gathering a fact may do to the target, mildest first."""

ROLES = ("engineering_lead", "security_lead", "operations_lead", "product_owner")
"""The four roles that sign; each claim is owned by one of them."""

SECTIONS: dict[str, str] = {
    "pre_deployment": "Pre-deployment assessment",
    "security": "Security",
    "database": "Database",
    "application": "Application",
    "infrastructure": "Infrastructure",
    "monitoring": "Monitoring",
    "performance": "Performance",
    "disaster_recovery": "Disaster recovery",
    "documentation": "Documentation",
    "final_verification": "Final verification",
}


class Claim(NamedTuple):
    """One thing an item asserts: the unit that passes or fails."""

    id: str
    line: int
    effect: Effect
    min_grade: str
    owner: str
    severity: str
    waivable: bool
    attestable: bool
    half_life_days: int
    phase: Phase
    sandbox: str
    title: str

    @property
    def item(self) -> str:
        """Id of the item this claim belongs to."""
        return self.id.rpartition(".")[0]

    @property
    def name(self) -> str:
        """Last part of the id: the claim's name within its item."""
        return self.id.rpartition(".")[2]


class Item(NamedTuple):
    """One checkbox of the checklist."""

    id: str
    line: int
    title: str

    @property
    def section(self) -> str:
        """Id of the section this item belongs to."""
        return self.id.partition(".")[0]

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Return what the item asserts, in the order of the catalogue."""
        return tuple(claim for claim in claims().values() if claim.item == self.id)


ITEMS: tuple[Item, ...] = (
    Item("pre_deployment.sizing", 11, "Infrastructure sized correctly"),
    Item("pre_deployment.load_testing", 18, "Load testing completed"),
    Item("pre_deployment.capacity_plan", 27, "Capacity planning documented"),
    Item("security.authentication", 38, "Authentication implemented"),
    Item("security.authorization", 46, "Authorization rules defined"),
    Item("security.api_keys", 52, "API keys managed securely"),
    Item("security.tls", 60, "HTTPS/TLS configured"),
    Item("security.cors", 67, "CORS properly configured"),
    Item("security.rate_limiting", 92, "Rate limiting enabled"),
    Item("security.ddos_protection", 99, "DDoS protection configured"),
    Item("security.encryption_at_rest", 107, "Encryption at rest"),
    Item("security.encryption_in_transit", 115, "Encryption in transit"),
    Item("security.secrets", 121, "Secrets management"),
    Item("security.sql_injection", 129, "SQL injection protection"),
    Item("security.input_validation", 136, "Input validation"),
    Item("security.headers", 153, "Security headers configured"),
    Item("database.pooling", 166, "Connection pooling configured"),
    Item("database.query_optimization", 177, "Query optimization completed"),
    Item("database.parameters", 187, "Database parameters tuned"),
    Item("database.backup_strategy", 203, "Backup strategy implemented"),
    Item("database.pitr", 209, "Point-in-time recovery tested"),
    Item("database.backup_verification", 216, "Backup verification automated"),
    Item("database.rto", 225, "Recovery time objective (RTO) defined"),
    Item("database.replication", 233, "Replication configured"),
    Item("database.failover", 240, "Failover tested"),
    Item("application.production_mode", 250, "Production mode enabled"),
    Item("application.environment_variables", 257, "Environment variables set"),
    Item("application.logging", 266, "Logging configured"),
    Item("application.error_handling", 288, "Comprehensive error handling"),
    Item("application.error_tracking", 299, "Error tracking configured"),
    Item("application.graceful_degradation", 310, "Graceful degradation"),
    Item("application.health_endpoints", 318, "Health endpoints implemented"),
    Item("application.liveness_probe", 333, "Liveness probes configured"),
    Item("application.readiness_probe", 343, "Readiness probes configured"),
    Item("infrastructure.load_balancer", 357, "Load balancer configured"),
    Item("infrastructure.autoscaling", 364, "Auto-scaling configured"),
    Item("infrastructure.cdn", 379, "CDN configured"),
    Item("infrastructure.dns", 385, "DNS configured"),
    Item("infrastructure.certificates", 391, "SSL certificates"),
    Item("infrastructure.storage", 399, "Storage provisioned"),
    Item("infrastructure.log_rotation", 405, "Log rotation configured"),
    Item("monitoring.application_metrics", 421, "Application metrics exposed"),
    Item("monitoring.system_metrics", 430, "System metrics collected"),
    Item("monitoring.business_metrics", 437, "Business metrics tracked"),
    Item("monitoring.alerts", 446, "Alerts configured"),
    Item("monitoring.alert_channels", 457, "Alert channels set up"),
    Item("monitoring.runbooks", 463, "Runbooks created"),
    Item("monitoring.centralized_logging", 471, "Centralized logging"),
    Item("monitoring.structured_logging", 477, "Structured logging"),
    Item("monitoring.audit_logging", 487, "Audit logging"),
    Item("performance.queries", 498, "Query optimization"),
    Item("performance.caching", 504, "Caching strategy"),
    Item("performance.compression", 512, "Response compression"),
    Item("performance.pooling", 518, "Connection pooling"),
    Item("performance.load_test", 526, "Load testing passed"),
    Item("performance.benchmarks", 532, "Performance benchmarks met"),
    Item("disaster_recovery.backup_schedule", 542, "Backup schedule defined"),
    Item("disaster_recovery.backup_testing", 548, "Backup testing automated"),
    Item("disaster_recovery.runbooks", 556, "Runbooks documented"),
    Item("disaster_recovery.drills", 562, "Recovery drills conducted"),
    Item("disaster_recovery.objectives", 570, "RTO/RPO defined"),
    Item("disaster_recovery.communication", 575, "Communication plan"),
    Item("documentation.api", 583, "API documentation complete"),
    Item("documentation.deployment", 584, "Deployment procedures documented"),
    Item("documentation.troubleshooting", 585, "Troubleshooting guide created"),
    Item("documentation.architecture", 586, "Architecture diagrams updated"),
    Item("documentation.security", 587, "Security policies documented"),
    Item("documentation.sla", 588, "SLA defined and published"),
    Item("final_verification.security_scan", 594, "Security scan completed"),
    Item("final_verification.dependencies", 601, "Dependencies updated"),
    Item("final_verification.licenses", 607, "License compliance verified"),
    Item("final_verification.performance_baseline", 608, "Performance baseline established"),
    Item("final_verification.dashboard", 609, "Monitoring dashboard created"),
    Item("final_verification.team_training", 610, "Team trained on procedures"),
    Item("final_verification.smoke_tests", 614, "Smoke tests passing"),
    Item("final_verification.monitoring_active", 615, "Monitoring active"),
    Item("final_verification.alerts_verified", 616, "Alerts verified"),
    Item("final_verification.performance_targets", 617, "Performance meeting targets"),
    Item("final_verification.critical_errors", 618, "No critical errors in logs"),
    Item("final_verification.customer_feedback", 619, "Customer feedback positive"),
)


@cache
def claims() -> dict[str, Claim]:
    """Return the catalogue of claims by id, in the order of the checklist."""
    text = resources.files("readiness_kit").joinpath("claims.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines(), delimiter="\t")
    return {row["id"]: _claim(row) for row in rows}


def _claim(row: dict[str, str]) -> Claim:
    return Claim(
        id=row["id"],
        line=int(row["line"]),
        effect=_one_of(row["effect"], EFFECTS),
        min_grade=row["min_grade"],
        owner=row["owner"],
        severity=row["severity"],
        waivable=row["waivable"] == "yes",
        attestable=row["attestable"] == "yes",
        half_life_days=int(row["half_life_days"]),
        phase="post_launch" if row["phase"] == "post_launch" else "pre_launch",
        sandbox=row["sandbox"],
        title=row["title"],
    )


def _one_of(word: str, words: tuple[Effect, ...]) -> Effect:
    return next(known for known in words if known == word)


def item(item_id: str) -> Item:
    """Return the item called *item_id*.

    Raises:
        UsageError: No such item; names the closest ones.

    """
    for candidate in ITEMS:
        if candidate.id == item_id:
            return candidate
    raise unknown_id(item_id)


def unknown_id(word: str) -> UsageError:
    """Return the error for an id that names no section, item or claim."""
    known = [*SECTIONS, *(one.id for one in ITEMS), *claims()]
    close = difflib.get_close_matches(word, known, n=3)
    hint = f"did you mean {', '.join(close)}?" if close else "`readiness list` shows every id"
    return UsageError(f"{word!r} is no section, item or claim of the checklist", hint=hint)


def select(words: tuple[str, ...]) -> tuple[Item, ...]:
    """Return the items that *words* name: sections, items, or claims (their item).

    Raises:
        UsageError: A word names nothing.

    """
    chosen: set[str] = set()
    for word in words:
        found = {
            one.id for one in ITEMS if word in (one.section, one.id) or word in _claim_ids(one)
        }
        if not found:
            raise unknown_id(word)
        chosen |= found
    return tuple(one for one in ITEMS if one.id in chosen)


def _claim_ids(one: Item) -> tuple[str, ...]:
    return tuple(claim.id for claim in one.claims)
