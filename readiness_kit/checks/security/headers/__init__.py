"""Security headers: every answer over HTTPS carries them, whoever in the chain wrote it.

>>> CHECK.shows() == dict.fromkeys(("xfo", "xcto", "xxp", "hsts", "csp"), "PASS")
True
>>> CHECK.shows(example.drop_from_404(example.GOOD))["hsts"]
'FAIL'
>>> CHECK.shows(example.lose_the_200(example.GOOD))["csp"]
'UNKNOWN'
>>> CHECK.shows(example.shorten_hsts(example.GOOD))["hsts"]
'FAIL'
>>> CHECK.shows(example.filter_xss(example.GOOD))["xxp"]
'WARN'
>>> CHECK.shows(example.drop_in_a_location(example.GOOD_WRITTEN))["xfo"]
'FAIL'
"""

from collections.abc import Iterator

from readiness_kit.checks.security.headers import example, rules
from readiness_kit.checks.security.headers.received import over, strict_transport
from readiness_kit.checks.security.headers.written import elsewhere
from readiness_kit.facts.api.http import AnswerHeaders, PlainHttp
from readiness_kit.facts.nginx.headers import NginxHeaders
from readiness_kit.verdict import Check, Finding, judges


@judges("xfo", "xcto", "xxp", "hsts", "csp")
def judge(headers: AnswerHeaders, plain: PlainHttp, written: NginxHeaders) -> Iterator[Finding]:
    """Judge five headers over every answer, and where none was asked for as nginx.conf has it."""
    framing = "DENY or SAMEORIGIN, or frame-ancestors without wildcards"
    policy = "default-src 'none' or 'self', nothing unsafe"
    found = (
        (rules.framing, over(headers, "xfo", rules.framing, framing)),
        (rules.sniffing, over(headers, "xcto", rules.sniffing, "X-Content-Type-Options: nosniff")),
        (rules.xss_filter, over(headers, "xxp", rules.xss_filter, "X-XSS-Protection absent or 0")),
        (rules.hsts, strict_transport(headers, plain)),
        (rules.policy, over(headers, "csp", rules.policy, policy)),
    )
    yield from (elsewhere(finding, rule, written) for rule, finding in found)


CHECK = Check(
    (judge,),
    remedy="nginx: put every `add_header NAME VALUE always;` into the server block and none into a "
    "location, which would drop them all; hide the service's own with `proxy_hide_header`.",
    references=(
        "OWASP Secure Headers Project",
        "RFC 6797: HTTP Strict Transport Security",
        "W3C Content Security Policy Level 3",
        "nginx ngx_http_headers_module: add_header is inherited only where none stands",
    ),
    good=(example.GOOD, example.GOOD_PLAIN, example.GOOD_WRITTEN),
    worsen=example.WORSEN,
    thresholds={
        "xfo": "DENY, SAMEORIGIN or frame-ancestors without wildcards, on every answer",
        "xcto": "nosniff on every answer",
        "xxp": "absent or 0; `1; mode=block` warns (OWASP)",
        "hsts": f"max-age >= {rules.ONE_YEAR_S} s with includeSubDomains on every answer over "
        "HTTPS",
        "csp": "default-src 'none' or 'self'; inline styles warn, inline scripts and eval fail",
    },
)
