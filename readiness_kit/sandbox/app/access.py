"""Who may do what: one rule a field, and the wrapper that enforces and records it.

A root field without a rule keeps the service from starting.
"""

import logging
from collections.abc import Callable
from typing import Any

from graphql import GraphQLField, GraphQLResolveInfo

from readiness_kit.sandbox.app.call import ROLES, Call, Refused, Viewer
from readiness_kit.sandbox.app.logs import audit

Rule = Callable[[Viewer, Any], bool]
_log = logging.getLogger("quill.resolver")


def any_of(*roles: str) -> Rule:
    """Allow viewers with one of *roles*."""
    wanted = frozenset(roles)
    return lambda viewer, _: bool(viewer.roles & wanted)


def self_or_admin(viewer: Viewer, user: Any) -> bool:
    """Allow the user spoken of, and administrators."""
    return viewer.is_admin or str(user.id) == viewer.id


RULES: dict[str, Rule] = {
    "Query.users": any_of(*ROLES),
    "Query.user": any_of(*ROLES),
    "Query.posts": any_of(*ROLES),
    "Query.post": any_of(*ROLES),
    "Query.me": any_of(*ROLES),
    "Mutation.createPost": any_of("editor", "admin"),
    "Mutation.updatePost": any_of("editor", "admin"),
    "Mutation.deletePost": any_of("editor", "admin"),
    "User.email": self_or_admin,
}


def guarded(coordinate: str, field: GraphQLField, *, enforce: bool) -> GraphQLField:
    """Make *field* obey its rule and note why it fails; *coordinate* is its ``Type.field``."""
    rule = RULES[coordinate]
    resolve = field.resolve
    assert resolve is not None  # noqa: S101 - FraiseQL gives every field a resolver

    async def resolver(source: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
        call: Call = info.context["call"]
        try:
            if enforce and not (call.viewer and rule(call.viewer, source)):
                audit("authorization", call, operation=coordinate, outcome="refused")
                raise Refused("You may not see or do this", "FORBIDDEN")
            answer = resolve(source, info, **arguments)
            return await answer if hasattr(answer, "__await__") else answer
        except Refused as refusal:
            call.failures.append((refusal, info.path.as_list()))
            raise
        except Exception as error:
            _log.exception("unexpected", extra={"request_id": call.id, "field": coordinate})
            call.failures.append((None, info.path.as_list()))
            raise Refused("Internal server error", "INTERNAL_SERVER_ERROR") from error

    field.resolve = resolver
    return field
