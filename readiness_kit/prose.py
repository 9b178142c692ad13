"""What the notebooks teach: each section in a paragraph, each item in why it matters."""

START = """\
# Start here

Twelve notebooks walk through the production-readiness checklist of one deployment: this overview,
ten sections with eighty items, and the sign-off. Each item makes a few claims, and each claim is
compared with what was seen of the running system.

Nothing counts as passed because nobody looked. A claim that could not be seen is **UNKNOWN** with
its cause, and UNKNOWN stands in the way of GO just as FAIL does. **WARN** means that the letter
holds, with a weakness that is named. **ATTESTED** is the signed word of a person, only where a
machine cannot look.

The parameters below name the target and the run. Leave `run_dir` blank in JupyterLab: the twelve
notebooks then share one run, in which each fact is gathered once. To look again after something was
mended, write `run_dir = "new"` here and run the notebooks again; a changed `readiness.yaml` or
`allow` begins a new run, too. `allow` names what may be done to the target beyond reading, such as
`canary, load`. With `replay_from` a finished run is shown again, and nobody is asked anything."""

SIGN_OFF_PROSE = """\
# Sign-off

Four people decide: the engineering lead, the security lead, the operations lead and the product
owner. Each signs the digest of the run's manifest, so a signature covers every fact and every
verdict below, and a changed byte breaks it.

Read this page from the top. Waived claims come first: they are red, and somebody accepted them
until a date. Then everything else that is in the way, unseen claims among it. The passes come last.
A run that is NO-GO or incomplete cannot be signed.

`readiness run` executes this notebook last of all, on the sealed run, and keeps it in `signoff/`
beside the signatures: it shows what is signed, and is no part of it."""

BORROWED = """\
## Evidence from elsewhere

Production is neither loaded nor broken. Where a signed run on staging stands in for that, this is
what it lent, and every way in which the two deployments are known to differ. A difference changes
no verdict: whether it matters is for you to say. Facts that an earlier run of this deployment
gathered follow."""

CHANGED = """\
## What changed since the last sign-off

Claim by claim against the newest earlier run that four roles have signed."""

LAPSE = """\
## How long it would stand

A sign-off ends with the first of its signatures, or with the first thing signed that ends on a day
of its own: a certificate, a waiver, an attestation."""

SIGNING = """\
## Signing

Who has signed so far, and the commands. A signature is an ordinary OpenSSH signature over a
statement that names the run's manifest, the verdict, the waived claims and those not seen. To
refuse, do not sign; `readiness sign --withdraw REASON` takes back a signature that was given."""

HOW_TO_READ = """\
Each item lists what it asserts. The cell below it shows the verdict, what was got and what was
wanted, then the facts themselves, and, where something is red, what to do about it and the
command that shows the same by hand."""

SECTION_PROSE = {
    "pre_deployment": """\
Before anything is deployed: is the machine large enough, was the service loaded beyond its
expected peak, and does somebody know when it will run full? A plan is compared with measurements
here, because a capacity plan without a measured rate is a wish.""",
    "security": """\
Most claims here are negative: a forged token is *refused*, an old protocol is *not* spoken. A
dead service refuses everything, so each refusal is paired with a request of the same kind that
must succeed. Without that positive control the claim stays UNKNOWN.""",
    "database": """\
A database is lost on the day its backup turns out to be unreadable. Settings are read from the
running server rather than from a file, and a backup counts when something was restored from it.""",
    "application": """\
How the service behaves when things go wrong: faulty input, an unexpected exception, a cache that
is gone, a database that does not answer. Claims about behaviour under failure pass on a drill
only.""",
    "infrastructure": """\
What stands around the service: balancer, names, certificates, disks. Every address behind a name
is asked, since the one nobody tested is the one that breaks. A certificate's end date also limits
how long a sign-off can stand.""",
    "monitoring": """\
Monitoring that is never compared with reality drifts away from it. Where possible a known number
of requests is sent and the counters must move by that number, and a test alert must arrive where
people read it.""",
    "performance": """\
Latency is counted from the instant a request was *due*, so time spent waiting behind a stalled
service is part of it. A percentile is given with its 95 % interval: when the interval straddles
the limit, the honest answer is UNKNOWN and a longer test.""",
    "disaster_recovery": """\
Two numbers rule this section: how long a recovery may take (RTO) and how much may be lost (RPO).
They are promises until a recovery was carried out and timed.""",
    "documentation": """\
Documents are read by somebody under pressure who did not write them. They must exist, be current,
and agree with what runs: a documented schema is compared with the live one.""",
    "final_verification": """\
The last look before the decision, and the first one after it. Items about the time after launch
are `not_due`, and do not count, until `phase: post_launch` stands in `readiness.yaml`.""",
}
"""A paragraph per section: what it is about and how to read it."""

WHY = {
    "pre_deployment.sizing": "Limits of a container can be far below what its machine has, "
    "so what counts is what the service can use.",
    "pre_deployment.load_testing": "Twice the expected peak leaves room for the day the estimate "
    "was wrong. Memory that grows under steady load ends in a restart at the worst time.",
    "pre_deployment.capacity_plan": "Four numbers, a date and an owner turn hope into a plan that "
    "can be compared with what was measured.",
    "security.authentication": "A token is worth what its verification is worth: signature, "
    "expiry, issuer and audience are each tried with a token that is wrong in exactly that way.",
    "security.authorization": "Knowing who calls does not say what they may do. Roles, owned "
    "objects, restricted fields and the database role behind them are four separate fences.",
    "security.api_keys": "Long-lived keys leak. They need one place to live, a date on which they "
    "change, and a trace of each use.",
    "security.tls": "Old protocol versions have known attacks. They must be refused with an alert "
    "at every address, while a modern version is spoken there.",
    "security.cors": "Cross-origin rules decide which web pages may read answers with a user's "
    "rights. Reflecting any origin gives that right to all of them.",
    "security.rate_limiting": "A limit is real when the request above it is refused, the one below "
    "is served, and other callers notice neither.",
    "security.ddos_protection": "A flood must end before it reaches the service. An origin that "
    "answers around its protective edge has none.",
    "security.encryption_at_rest": "Disks are sold, backups are copied. Encrypted, they are noise "
    "to whoever gets hold of them.",
    "security.encryption_in_transit": "Offering TLS is not enough: the database and the cache must "
    "refuse plaintext, and the client must check whom it is talking to.",
    "security.secrets": "A secret in the source stays in its history for ever. It belongs in a "
    "manager that can change it.",
    "security.sql_injection": "Values reach SQL as parameters or as an attack. Code, database "
    "functions and live payloads are looked at separately.",
    "security.input_validation": "What is malformed or far too large must be refused with a client "
    "error before it costs anything.",
    "security.headers": "A few headers tell browsers what never to do with an answer. They must "
    "stand on every answer, errors included.",
    "database.pooling": "A connection costs the server a process. A bounded pool that replaces "
    "dead connections keeps a hiccup from becoming an outage.",
    "database.query_optimization": "A handful of statements make up most of the load. Those must "
    "be fast and must not read large tables from end to end.",
    "database.parameters": "The defaults fit a small machine. Each setting is read from the "
    "running server, and none may trade durability for speed.",
    "database.backup_strategy": "The newest backup bounds what can be lost, and a copy beside the "
    "original burns with it.",
    "database.pitr": "Recovery to a point in time undoes the mistake made at noon. It works when "
    "it brought back exactly the state of a chosen moment.",
    "database.backup_verification": "An unread backup is a guess. It counts once it was read to "
    "its last byte, or better, restored and compared.",
    "database.rto": "How long a restore takes is measured, not estimated, and the procedure is "
    "read by people who were asleep a minute ago.",
    "database.replication": "A standby that lags loses what it lags by, and an abandoned slot "
    "keeps WAL until the disk is full.",
    "database.failover": "After the primary is lost, writing must resume and nothing that was "
    "acknowledged may be missing.",
    "application.production_mode": "Development mode shows schema, traces and routes to anybody "
    "who asks.",
    "application.environment_variables": "A missing variable shows on the first request that "
    "needs it; a secret copied from an example is known to everybody.",
    "application.logging": "Logs must arrive, be readable by machines, and never fill the disk of "
    "what they describe.",
    "application.error_handling": "A caller's mistake is the caller's to mend (4xx); an internal "
    "one is ours, and its details stay in the log.",
    "application.error_tracking": "An error nobody hears of is not handled. A marked event must "
    "arrive, labelled with where it came from.",
    "application.graceful_degradation": "When a dependency fails, the rest goes on, refusals are "
    "quick, and recovery needs nobody's hand.",
    "application.health_endpoints": "Liveness says restart me, readiness says send me nothing. "
    "Mixing them up turns a database outage into a restart storm.",
    "application.liveness_probe": "A liveness probe that follows dependencies restarts healthy "
    "containers in the middle of an outage.",
    "application.readiness_probe": "Traffic must reach a replica only after it said that it is "
    "ready.",
    "infrastructure.load_balancer": "A balancer earns its name when a backend dies or restarts "
    "and no caller notices.",
    "infrastructure.autoscaling": "An autoscaler needs bounds and living metrics; without "
    "metrics it silently does nothing.",
    "infrastructure.cdn": "Static content belongs close to its readers. A service that has none "
    "declares so.",
    "infrastructure.dns": "Several addresses and a short time to live make a failover possible; "
    "a signed zone keeps the answer honest.",
    "infrastructure.certificates": "Certificates expire on schedule. Renewal must run by itself, "
    "and an alert must notice when it did not.",
    "infrastructure.storage": "Databases wait for synchronous writes: slow or full disks stop "
    "everything.",
    "infrastructure.log_rotation": "A rotation rule is worth something once a log was rotated by "
    "it.",
    "monitoring.application_metrics": "Counters are compared with requests that were really sent. "
    "They are for the scraper, not for the public.",
    "monitoring.system_metrics": "Processor, memory, disk and network explain most incidents "
    "after the fact, if they were collected before.",
    "monitoring.business_metrics": "A GraphQL error comes with status 200. If the error rate does "
    "not count it, the dashboard is green during an outage.",
    "monitoring.alerts": "A rule on a series that does not exist never fires. Rules must be "
    "loaded, healthy and about shares rather than absolute numbers.",
    "monitoring.alert_channels": "An alert counts when it arrives where somebody reads it.",
    "monitoring.runbooks": "Whoever is woken follows the link in the alert. It must lead to steps "
    "and to names.",
    "monitoring.centralized_logging": "Logs that stay on the machine die with the machine.",
    "monitoring.structured_logging": "Lines with the same keys can be counted; lines with secrets "
    "in them must not exist.",
    "monitoring.audit_logging": "Who did what, when, and was it allowed: the questions after an "
    "incident.",
    "performance.queries": "A list of a hundred rows must not cost a hundred statements more "
    "than a list of ten.",
    "performance.caching": "A cache must hit, expire and forget what was changed. The third is "
    "the hard one.",
    "performance.compression": "Large JSON shrinks to a tenth, where it is asked for.",
    "performance.pooling": "Each pool looks modest; together they must fit the database: pools "
    "times processes times replicas.",
    "performance.load_test": "Peak, endurance and overload are three tests. Overload should slow "
    "the service down, not break it.",
    "performance.benchmarks": "Percentiles of the corrected latency, each with its interval and "
    "the number of requests behind it.",
    "disaster_recovery.backup_schedule": "Full, incremental and log backups form a chain, and a "
    "chain is as good as its weakest link.",
    "disaster_recovery.backup_testing": "A restore every week, compared with its source and "
    "timed, finds the broken backup before the disaster does.",
    "disaster_recovery.runbooks": "Commands to copy, people to call, and a tree that leads to the "
    "right page.",
    "disaster_recovery.drills": "A procedure nobody practised fails in a place nobody expected.",
    "disaster_recovery.objectives": "Time and loss are promised in numbers, and measured "
    "recoveries keep the promise.",
    "disaster_recovery.communication": "Silence makes an outage longer for everybody outside. "
    "The status page must not go down with the service.",
    "documentation.api": "The documented schema is compared with the live one, field by field.",
    "documentation.deployment": "Steps, checks and the way back, for somebody who deploys for the "
    "first time.",
    "documentation.troubleshooting": "Symptom, cause, cure: in that order, because the symptom is "
    "what one has.",
    "documentation.architecture": "A diagram of last year's system misleads more than none.",
    "documentation.security": "Finders of a weakness need an address to tell it to.",
    "documentation.sla": "A service level without a number cannot be kept or broken.",
    "final_verification.security_scan": "A scanner without its advisories finds nothing and "
    "looks clean, so it must show that it can find something.",
    "final_verification.dependencies": "What is deployed is looked at, not what a file says "
    "should be.",
    "final_verification.licenses": "One licence among hundreds can forbid shipping.",
    "final_verification.performance_baseline": "Next month's question is: slower than when? This "
    "records when.",
    "final_verification.dashboard": "Rate, errors, latency and saturation on one page, with data "
    "in every panel.",
    "final_verification.team_training": "People are part of the system. Their word on it is "
    "signed.",
    "final_verification.smoke_tests": "A few real operations, from outside, the way a customer "
    "makes them.",
    "final_verification.monitoring_active": "Monitoring must watch itself: a dead man's switch "
    "that stops firing is the alarm.",
    "final_verification.alerts_verified": "A real fault, announced by an alert, and resolved when "
    "it ended.",
    "final_verification.performance_targets": "The same percentiles, of real traffic.",
    "final_verification.critical_errors": "The first hours of a release are read line by line, "
    "by a machine.",
    "final_verification.customer_feedback": "The users have the last word.",
}
"""Why each item matters, in one or two sentences."""
