"""Reads how certificates are renewed, and asks Prometheus who watches their end."""

import ast
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec
import yaml

from readiness_kit.errors import NotSeen
from readiness_kit.facts.tls.certificates import (
    CertificateRenewal,
    ExpiryMonitoring,
    ExpiryRule,
    WatchedCertificate,
)
from readiness_kit.probes.metrics.prometheus import query_api
from readiness_kit.probes.nginx.configuration import read_config
from readiness_kit.sources import Visit, source

METRIC = re.compile(r"\b\w*(?:cert\w*expir|cert\w*not_?after|expir\w*cert)\w*", re.IGNORECASE)
"""Series with the end of a certificate: blackbox, cert-manager, x509 and node exporters."""

SERIES = '{__name__=~"(?i).*(cert.*expir|cert.*not_?after|expir.*cert).*"}'
FILE_CAP_BYTES = 200_000
DAY_S = 86_400.0
UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": DAY_S, "w": 7 * DAY_S}
Means = Literal["timer", "certbot", "cert_manager", "acme_in_nginx", "none"]


@source(effect="read", asks="no request: reads the declared renewal file and nginx.conf")
def certificate_renewal(visit: Visit) -> CertificateRenewal:
    """Return by what means the certificate renews itself."""
    file = visit.target.documents.get("renewal")
    if file is not None:
        return _from_file(file)
    if visit.target.proxy.nginx is not None and (config := read_config(visit)).acme:
        return _renewal(config.file, "acme_in_nginx")
    raise NotSeen(
        "readiness.yaml does not say how certificates are renewed",
        cause="not_configured",
        hint="add documents.renewal: a systemd timer, certbot renewal file or Certificate",
    )


def _renewal(
    file: str,
    means: Means,
    schedule: str = "",
    command: str = "",
    renew_before_days: float | None = None,
) -> CertificateRenewal:
    return CertificateRenewal(
        file=file,
        means=means,
        schedule=schedule,
        command=command,
        renew_before_days=renew_before_days,
        observed_at=datetime.now(UTC),
    )


def _from_file(file: Path) -> CertificateRenewal:
    text = _text(file)
    if file.suffix == ".timer":
        return _from_timer(file, text)
    if file.suffix in (".yaml", ".yml"):
        return _from_manifest(file, text)
    if "[renewalparams]" in text:
        days = re.search(r"^\s*renew_before_expiry\s*=\s*(\d{1,4}) days", text, re.MULTILINE)
        return _renewal(file.name, "certbot", renew_before_days=float(days[1]) if days else None)
    raise NotSeen(
        f"{file.name} is no systemd timer, certbot renewal file or cert-manager Certificate",
        hint="name in documents.renewal the file that makes the certificate renew itself",
    )


def _text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return stream.read(FILE_CAP_BYTES).decode("utf-8", "replace")
    except OSError as error:
        raise NotSeen(
            f"{file} cannot be read: {error.strerror}", hint="correct documents.renewal"
        ) from error


def _from_timer(file: Path, text: str) -> CertificateRenewal:
    """Read a systemd timer and the service beside it that it starts."""
    schedule = ", ".join(re.findall(r"^\s*On(?:Calendar|\w*Sec)\s*=\s*(\S.*)$", text, re.MULTILINE))
    unit = re.search(r"^\s*Unit\s*=\s*([\w@.-]+)\s*$", text, re.MULTILINE)
    service = _text(file.with_name(unit[1] if unit else f"{file.stem}.service"))
    commands = re.findall(r"^\s*ExecStart\s*=\s*(\S.*)$", service, re.MULTILINE)
    renews = [one for one in commands if re.search(r"renew|certbot|acme|lego", one, re.IGNORECASE)]
    if not schedule or not renews:
        return _renewal(file.name, "none", schedule, "; ".join(commands))
    before = re.search(r"--(?:expires-in|days)[ =](\d+(?:h|d|m|s)?)\b", renews[0])
    days = _days(before[1]) if before else None
    return _renewal(file.name, "timer", schedule, renews[0], days)


def _days(text: str) -> float:
    """Return a Go-like duration in days; a bare number counts days."""
    unit = text[-1] if text[-1].isalpha() else "d"
    return int(text.rstrip("hdms")) * UNITS_S[unit] / DAY_S


def _from_manifest(file: Path, text: str) -> CertificateRenewal:
    try:
        documents = list(yaml.safe_load_all(text))
    except (yaml.YAMLError, RecursionError) as error:
        raise NotSeen(f"{file} is not valid YAML", hint="correct documents.renewal") from error
    for one in documents:
        if isinstance(one, dict) and one.get("kind") == "Certificate":
            spec = one.get("spec")
            before = spec.get("renewBefore") if isinstance(spec, dict) else None
            hours = re.match(r"(\d{1,6})h", before) if isinstance(before, str) else None
            days = int(hours[1]) / 24 if hours else None
            return _renewal(file.name, "cert_manager", renew_before_days=days)
    return _renewal(file.name, "none")


class _Rule(msgspec.Struct):
    name: str
    query: str = ""
    type: str = ""
    health: str = ""


class _Group(msgspec.Struct):
    rules: tuple[_Rule, ...] = ()


class _Groups(msgspec.Struct):
    groups: tuple[_Group, ...] = ()


class _Sample(msgspec.Struct):
    metric: dict[str, str]
    value: tuple[float, str]


class _Samples(msgspec.Struct):
    result: tuple[_Sample, ...] = ()


@source(effect="read", asks="3 GET of Prometheus")
def expiry_monitoring(visit: Visit) -> ExpiryMonitoring:
    """Ask Prometheus for series with the end of certificates, and for the rules on them."""
    asked = {"query": f"time() - timestamp({SERIES})"}
    found = query_api(visit, "/api/v1/query", asked, _Samples)
    named = query_api(visit, "/api/v1/query", {"query": SERIES}, _Samples)
    loaded = query_api(visit, "/api/v1/rules", {"type": "alert"}, _Groups)
    assert isinstance(found, _Samples)  # noqa: S101 - query_api converts
    assert isinstance(named, _Samples)  # noqa: S101 - query_api converts
    assert isinstance(loaded, _Groups)  # noqa: S101 - query_api converts
    rules = [rule for group in loaded.groups for rule in group.rules if rule.type != "recording"]
    names = sorted({one.metric.get("__name__", "") for one in named.result})
    return ExpiryMonitoring(
        series=tuple(
            WatchedCertificate(metric=", ".join(names), age_s=_number(one.value[1]))
            for one in found.result
        ),
        rules=tuple(
            ExpiryRule(
                name=rule.name,
                expression=rule.query,
                days_ahead=days_ahead(rule.query),
                healthy=rule.health == "ok",
            )
            for rule in rules
            if METRIC.search(rule.query)
        ),
        rules_loaded=len(rules),
        observed_at=datetime.now(UTC),
    )


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("inf")


def days_ahead(expression: str) -> float | None:
    """Return how many days before the end an expression fires, when it is of the usual form.

    The expression is read as arithmetic in the end X of a certificate's life and the time T, and
    solved for ``X - T``; whatever else it contains, it is not understood.

    >>> days_ahead("probe_ssl_earliest_cert_expiry - time() < 21 * 86400")
    21.0
    >>> days_ahead("(min by (instance) (probe_ssl_earliest_cert_expiry) - time()) / 86400 <= 14")
    14.0
    >>> days_ahead("absent(probe_ssl_earliest_cert_expiry)")
    """
    text = re.sub(r"\b(min|max)( (by|without) \([\w, ]*\))?\s*(?=\()", "", expression)
    text = re.sub(METRIC.pattern + r"(\{[^{}]*\})?(\[\w+\])?", " X ", text, flags=re.IGNORECASE)
    text = re.sub(r"\btime\(\s*\)", " T ", text)
    text = re.sub(r"\b(\d+)([smhdw])\b", lambda n: str(int(n[1]) * UNITS_S[n[2]]), text)
    left, sign, right = text.partition("<")
    if not sign:
        return None
    gap = f"({left.strip()}) - ({right.removeprefix('=').strip()})"
    try:
        base, moving = _value(gap, 0, 0), _value(gap, DAY_S, DAY_S)
        slope = _value(gap, DAY_S, 0) - base
    except (SyntaxError, ValueError, ZeroDivisionError, OverflowError, RecursionError):
        return None
    if slope <= 0 or abs(moving - base) > 1e-9 * max(1.0, abs(slope)):
        return None
    return -base / slope


def _value(text: str, end: float, now: float) -> float:
    """Return the value of *text*, with X and T given; ``+ - * /`` and numbers are understood."""
    return _arithmetic(ast.parse(text.strip(), mode="eval").body, {"X": end, "T": now})


def _arithmetic(node: ast.expr, names: dict[str, float]) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return float(node.value)
    if isinstance(node, ast.Name) and node.id in names:
        return names[node.id]
    if isinstance(node, ast.BinOp):
        one, other = _arithmetic(node.left, names), _arithmetic(node.right, names)
        if isinstance(node.op, ast.Add):
            return one + other
        if isinstance(node.op, ast.Sub):
            return one - other
        if isinstance(node.op, ast.Mult):
            return one * other
        if isinstance(node.op, ast.Div):
            return one / other
    raise ValueError("not understood")
