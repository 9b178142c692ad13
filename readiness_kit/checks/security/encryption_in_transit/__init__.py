"""Encryption in transit: database, cache and services talk over TLS, and refuse to do without.

>>> CHECK.shows(database.GOOD)
{'database_plaintext_refused': 'PASS', 'database_server_verified': 'PASS', \
'redis_plaintext_refused': 'PASS', 'services': 'PASS'}
>>> CHECK.shows(database.database_plaintext(database.GOOD))["database_plaintext_refused"]
'FAIL'
>>> CHECK.shows(database.require_only(database.GOOD))["database_server_verified"]
'WARN'
>>> CHECK.shows(cache.GOOD.replace(answers=()))["redis_plaintext_refused"]
'UNKNOWN'
"""

from readiness_kit.checks.security.encryption_in_transit import cache, database, services
from readiness_kit.verdict import Check

CHECK = Check(
    (database.refuses, database.verifies, cache.judge, services.judge),
    remedy="Write hostssl in pg_hba.conf and sslmode=verify-full in the application's DSN; give "
    "the cache a TLS port, a login and no plain port; let the proxy verify its peers elsewhere.",
    references=(
        "PostgreSQL manual 21.1, The pg_hba.conf File; 32.19, SSL Support",
        "Redis and Valkey documentation, TLS",
        "nginx documentation, ngx_http_proxy_module: proxy_ssl_verify",
    ),
    good=(database.GOOD, cache.GOOD, services.GOOD),
    worsen=(*database.WORSEN, *cache.WORSEN, *services.WORSEN),
    thresholds={
        "database_plaintext_refused": "refused at every address, beside a control that works",
        "database_server_verified": "sslmode=verify-full (PostgreSQL manual 32.19.1)",
        "redis_plaintext_refused": "refused at every address, beside a control that works",
        "services": "same host, or TLS with verification",
    },
)
