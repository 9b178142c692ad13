"""Protection against floods: an edge in front, no way around it, and limits at the balancer.

>>> CHECK.shows() == dict.fromkeys(CHECK.thresholds, "PASS")
True
>>> CHECK.shows(nginx.forget_senders(nginx.NGINX))["lb_limit"]
'WARN'
>>> CHECK.shows(nginx.without_limits(nginx.NGINX))["lb_limit"]
'FAIL'
>>> CHECK.shows(origin.lose_control(origin.ORIGIN))["origin_closed"]
'UNKNOWN'
"""

from readiness_kit.checks.security.ddos_protection import (
    connection_limits,
    nginx,
    origin,
    provider,
    request_limits,
)
from readiness_kit.verdict import Check

CHECK = Check(
    (provider.judge, origin.judge, request_limits.judge, connection_limits.judge),
    remedy="Put a scrubbing edge in front and close the origin to everybody else; in nginx set "
    "limit_req and limit_conn by $binary_remote_addr, with set_real_ip_from behind another proxy, "
    "client_header_timeout and client_max_body_size; ALTER ROLE app CONNECTION LIMIT n.",
    references=(
        "OWASP Denial of Service Cheat Sheet",
        "nginx ngx_http_limit_req_module, ngx_http_limit_conn_module, ngx_http_realip_module",
        "PostgreSQL: CREATE ROLE, CONNECTION LIMIT",
    ),
    good=(
        provider.EDGE,
        origin.ORIGIN,
        nginx.NGINX,
        request_limits.INGRESSES,
        connection_limits.DATABASE,
    ),
    worsen=(*provider.WORSEN, *origin.WORSEN, *nginx.WORSEN, *connection_limits.WORSEN),
    thresholds={
        "provider": "marks of the declared provider at every address",
        "origin_closed": "no connection from outside, while the edge answers",
        "lb_limit": "a limit by caller in force; the address of a proxy in front warns",
        "conn_limit": "limit_conn, header time-out <= 60 s, body and database limits; one unset "
        "warns",
    },
)
