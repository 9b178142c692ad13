"""The sandbox's ``readiness.yaml``."""

import sys
from pathlib import Path
from typing import get_args

import yaml

from readiness_kit.contents import claims
from readiness_kit.notebook_files import packaged_load
from readiness_kit.sandbox.app.logs import BACKUPS, MAX_BYTES
from readiness_kit.sandbox.app.settings import Settings
from readiness_kit.sandbox.app.token import BAD, PEOPLE, user_id
from readiness_kit.sandbox.edge import ORIGINS
from readiness_kit.sandbox.layout import HOST, Layout, Ports, Variant
from readiness_kit.sandbox.orders import Stage
from readiness_kit.sandbox.service import AUDIENCE, ISSUER, POOL_SIZE, VERSION
from readiness_kit.sandbox.tracker import EVENTS_PATH
from readiness_kit.servers.fault_proxy import CONTROL, command_to
from readiness_kit.servers.ports import LOOPBACK
from readiness_kit.servers.relay import Mode
from readiness_kit.target import DrillName, Profile

Yaml = None | bool | int | float | str | list["Yaml"] | dict[str, "Yaml"]

MAX_PAGE = 100
"""Most entries of one answer; the resolvers hold to it."""

INAPPLICABLE = {
    "security.ddos_protection": "A loopback deployment has no address that the internet reaches",
    "application.readiness_probe": "It does not run on Kubernetes; the manifests are not applied",
    "infrastructure.autoscaling": "It does not run on Kubernetes; the manifests are not applied",
    "infrastructure.cdn": "A JSON API for signed-in callers has nothing static to distribute",
    "infrastructure.dns": "localhost is no name of the public DNS",
}
"""Why claims of an item do not apply here; which of them, the catalogue says."""


def describe(
    layout: Layout,
    ports: Ports,
    variant: Variant,
    *,
    wal_archive: Path,
    commit: str,
    monitored: bool,
) -> dict[str, Yaml]:
    """Return what ``readiness.yaml`` says of the sandbox in *layout*."""
    hardened = variant == "hardened"
    instances: list[Yaml] = [f"http://{LOOPBACK}:{port}" for port in ports.apps]
    description: dict[str, Yaml] = {
        "schema": 1,
        "name": "quill",
        "environment": "sandbox",
        "phase": "post_launch",
        "release": {"version": VERSION, "commit": commit},
        "api": {
            "url": f"https://{HOST}:{ports.https}",
            "http_url": f"http://{HOST}:{ports.http}",
            "ca": "deploy/tls/ca.pem",
            "instances": instances,
            "metrics_urls": [f"{instance}/metrics" for instance in instances],
            "allowed_origins": list(ORIGINS),
            "address_families": ["ipv4"],
            **({"crash_path": "/crash"} if hardened else {}),
        },
        "auth": _auth(layout),
        "identities": {name: _secret(f"token_{name}") for name in PEOPLE},
        "authorization": _authorization(),
        "input": _input(),
        "database": _database(layout, hardened=hardened),
        "cache": {
            "url": _secret("cache_url"),
            "ca": "deploy/tls/ca.pem",
            "prefix": "quill:",
            "canary": _canary(),
        },
        "proxy": {"nginx": str(layout.servers / "nginx" / "nginx.conf")},
        "application": {
            "environment_file": "deploy/quill.env",
            "process_ids": _of_instances("logs/quill-{}.pid"),
            "images": ["deploy/image.json"],
        },
        "credentials": {"api": ["MAIL_API_KEY"]},
        "api_keys": {
            "canary": _secret("token_other"),
            "canary_id": user_id(PEOPLE["other"][0]),
            "audit_within_s": 5,
        },
        "logs": _logs(hardened=hardened),
        "source": {"path": "source", "schema": "source/schema.graphql", "history": False},
        "kubernetes": {"manifests": ["deploy/kubernetes"]},
        "documents": _documents(layout),
        "capacity": "deploy/capacity.yaml",
        "smoke": _smoke(),
        "objectives": {"peak_rps": 20, "rto_minutes": 30, "rpo_minutes": 5},
        "load": _load(hardened=hardened),
        "drills": _drills(layout, hardened=hardened),
        "limits": {"rate": {"per_minute": 100, "per_hour": 6000, "burst": 20}},
        "not_applicable": _not_applicable(),
        "attestations": "deploy/attestations",
        "waivers": "deploy/waivers",
        "signoff": {
            "allowed_signers": "deploy/signoff/allowed_signers",
            "policy": "deploy/signoff/policy.json",
        },
    }
    if hardened:
        description["backups"] = {
            "directory": "backups",
            "pattern": "quill-*.dump",
            "tool": "pg_dump",
            "wal_archive": str(wal_archive),
            "verification": "deploy/backup-verification.timer",
            "verification_result": "backups/verification.result",
        }
        description["communication"] = {
            "status_page": f"https://{HOST}:{ports.pages}/status.html",
            "ca": "deploy/tls/ca.pem",
        }
        description["error_tracking"] = {
            "events_url": f"http://{LOOPBACK}:{ports.tracker}{EVENTS_PATH}",
            "token": _secret("tracker_token"),
        }
    if monitored:
        description["prometheus"] = {"url": f"http://{LOOPBACK}:{ports.prometheus}"}
    return description


def _load(*, hardened: bool) -> dict[str, Yaml]:
    load: dict[str, Yaml] = {
        "scenario": str(packaged_load() / "locustfile.py"),
        "identities": [_secret(f"token_{name}") for name in ("editor", "other")],
        "max_rps": 200,
        "max_users": 500,
        "max_seconds": 1800,
        "run": ["benchmark", "peak"],
        "profiles": {"soak": {"seconds": 360}},
    }
    if not hardened:
        # FraiseQL 0.5.3 breaks after some 950 calls of one field: go past that in each process.
        load["profiles"] = {"benchmark": {"rate_rps": 80, "seconds": 90, "users": 150}}
        load["run"] = ["benchmark"]
    return load


def _drills(layout: Layout, *, hardened: bool) -> Yaml:
    control = layout.faults / CONTROL

    def fault(route: str, mode: Mode) -> Yaml:
        return {
            "do": [*command_to(control, route, mode)],
            "undo": [*command_to(control, route, "pass")],
        }

    return {
        "cut_cache": fault("cache", "refuse"),
        "blackhole_cache": fault("cache", "blackhole"),
        "cut_database": fault("database", "refuse"),
        "blackhole_database": fault("database", "blackhole"),
        "fresh_read": {
            "query": "query Page($n: Int!) { posts(limit: 5, offset: $n) { id title } }",
            "values": 230,  # of the 240 posts there are; a page is kept for a minute
        },
        **(_failover(layout) if hardened else {}),
        "dsn": _secret("drill_dsn"),
        **({"records": "deploy/drill-records"} if hardened else {}),
        "base_backup_dsn": _secret("base_backup_dsn"),
        "run": ["readiness", "connections", "restore", "loss"],
    }


def _failover(layout: Layout) -> dict[str, Yaml]:
    def to(stage: Stage) -> Yaml:
        return [sys.executable, "-m", "readiness_kit.sandbox.failover", str(layout.root), stage]

    return {
        "stop_primary": {"do": to("lost"), "undo": to("as_started")},
        "promote": to("promoted"),
        "rejoin": to("swapped"),
    }


def play_all(target_file: Path) -> None:
    """Let a run against the sandbox play the long load profiles and hold the long drills, too."""
    description = yaml.safe_load(target_file.read_text("utf-8"))
    description["load"]["run"] = [*get_args(Profile)]
    target_file.write_text(yaml.safe_dump(description, sort_keys=False, width=100), "utf-8")
    hold_all(target_file)


def hold_all(target_file: Path) -> None:
    """Let a run against the sandbox hold the long drills."""
    description = yaml.safe_load(target_file.read_text("utf-8"))
    description["drills"]["run"] = [*get_args(DrillName)]
    target_file.write_text(yaml.safe_dump(description, sort_keys=False, width=100), "utf-8")


def _logs(*, hardened: bool) -> Yaml:
    logs: dict[str, Yaml] = {"application": _of_instances("logs/quill-{}.jsonl")}
    if hardened:
        logs["rotation"] = {"max_bytes": MAX_BYTES, "backups": BACKUPS}
    return logs


def _secret(name: str) -> str:
    return f"file:secrets/{name}"


def _of_instances(pattern: str) -> list[Yaml]:
    return [pattern.format(number) for number in (1, 2)]


def _auth(layout: Layout) -> Yaml:
    return {
        "token": _secret("token_reader"),
        "token_command": [str(layout.deploy / "mint-token"), "reader"],
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "protected": "{ users(limit: 1) { id name } }",
        "signing_key_file": "deploy/quill.env",
        "test_tokens": {case: _secret(f"token_{case}") for case in BAD},
    }


def _authorization() -> Yaml:
    nobody = user_id(max(number for number, _ in PEOPLE.values()) + 1)
    create = "mutation Create($mark: String!) { createPost(input: {title: $mark%s}) { id } }"
    change = (
        "mutation Change($id: ID!, $mark: String!) "
        "{ updatePost(input: {id: $id, body: $mark}) { id } }"
    )
    delete = "mutation Delete($id: ID!) { deletePost(id: $id) { id } }"
    return {
        "matrix": "deploy/authz.yaml",
        "restricted_fields": {"User.email": f'query {{ user(id: "{nobody}") {{ id email }} }}'},
        "owned": [
            {
                "name": "draft",
                "owner": "editor",
                "other": "other",
                "setup": create % ", published: false",
                "read": "query Read($id: ID!) { post(id: $id) { id title body } }",
                "writes": [change, delete],
                "undo": delete,
            }
        ],
    }


def _input() -> Yaml:
    return {
        "bounds": {
            "Query.users.limit": {"least": 1, "most": MAX_PAGE},
            "Query.posts.limit": {"least": 1, "most": MAX_PAGE},
            "Query.posts.offset": {"least": 0},
            "CreatePostInput.title": {"least": 1, "most": 200},
            "CreatePostInput.body": {"most": 20_000},
        },
        "max_body_bytes": Settings().max_body_bytes,
    }


def _database(layout: Layout, *, hardened: bool) -> Yaml:
    database: dict[str, Yaml] = {
        "dsn": _secret("probe_dsn"),
        "plan_dsn": _secret("plan_dsn"),
        "application_dsn": _secret("application_dsn"),
        "application_pools": [
            {
                "name": f"quill-{number}",
                "size": POOL_SIZE,
                "timeout_s": 3,
                "max_lifetime_s": 3600,
            }
            for number in (1, 2)
        ],
        "scratch": str(layout.scratch),
    }
    if hardened:
        database["replicas"] = [_secret("standby_dsn")]
    return database


def _documents(layout: Layout) -> Yaml:
    found = sorted(layout.documents.iterdir())
    return {
        **{path.stem: f"deploy/documents/{path.name}" for path in found},
        "renewal": "deploy/certificate-renewal.timer",
    }


def _canary() -> Yaml:
    return {
        "identity": "editor",
        "read": "query Newest { posts(limit: 5) { id title } }",
        "write": "mutation Write($mark: String!) "
        "{ createPost(input: {title: $mark}) { id post { title } } }",
        "undo": "mutation Undo($id: ID!) { deletePost(id: $id) { id } }",
    }


def _smoke() -> Yaml:
    return [
        {"name": "own account", "query": "query Me { me { id name email } }"},
        {
            "name": "list of posts",
            "query": "query LatestPosts($limit: Int) "
            "{ posts(limit: $limit) { id title createdAt author { name } } }",
            "variables": {"limit": 20},
        },
        {
            "name": "users with posts",
            "query": "query Users { users(limit: 5) { id name posts { id title } } }",
        },
    ]


def _not_applicable() -> Yaml:
    chosen = [claim for claim in claims().values() if claim.sandbox == "not_applicable"]
    return [
        {
            "item": claim.id,
            "reason": INAPPLICABLE[claim.item],
            "by": f"{claim.owner.replace('_', '-')}@sandbox.invalid",
        }
        for claim in chosen
    ]
