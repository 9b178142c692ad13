"""Authorization: roles, owners and restricted fields hold, and little is granted or executed.

>>> CHECK.shows() == dict.fromkeys(CHECK.thresholds, "PASS")
True
>>> CHECK.shows(matrix.open_everything(matrix.MATRIX))["rbac"]
'FAIL'
>>> CHECK.shows(matrix.refuse_everybody(matrix.MATRIX))["rbac"]
'UNKNOWN'
>>> CHECK.shows(database_role.own_tables(database_role.ROLE))["database_role"]
'WARN'
>>> CHECK.shows(depth.answer_any_depth(depth.LIMITS))["depth"]
'FAIL'
"""

from readiness_kit.checks.security.authorization import (
    database_role,
    depth,
    fields,
    matrix,
    ownership,
)
from readiness_kit.verdict import Check

CHECK = Check(
    (matrix.judge, ownership.judge, database_role.judge, fields.judge, depth.judge),
    remedy="Give every root field a rule, check the owner where an object is loaded, and restrict "
    "fields in their resolvers. Let the application log in with a role that owns nothing: GRANT it "
    "what it needs. Limit depth in validation, before anything runs. The matrix is YAML: `roles`, "
    "and `operations` with name, query, allowed, and undo for what writes.",
    references=(
        "OWASP API Security Top 10 2023: API1, API3, API5",
        "OWASP GraphQL Cheat Sheet: query limiting",
        "PostgreSQL: role attributes, privileges",
        "GraphQL specification 5.5.2.2: fragment spreads must not form cycles",
    ),
    good=(matrix.MATRIX, ownership.OWNED, database_role.ROLE, fields.FIELDS, depth.LIMITS),
    worsen=(
        *matrix.WORSEN,
        *ownership.WORSEN,
        *database_role.WORSEN,
        *fields.WORSEN,
        *depth.WORSEN,
    ),
    thresholds={
        "rbac": "every cell of the declared matrix as declared; each refusal has a control",
        "object_ownership": "nothing read, nothing changed; the owner gets and changes it",
        "database_role": "no superuser, CREATEROLE, CREATEDB, BYPASSRLS; owns no table",
        "field": "no value for lower roles; a value for the privileged",
        "depth": f"limit <= {depth.MAX_DEPTH} (FraiseQL), WARN up to {depth.HIGHEST_DEPTH}",
    },
)
