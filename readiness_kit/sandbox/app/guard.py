"""What stands before FraiseQL on ``/graphql``: who asks, and whether the question may be answered at all.

FraiseQL 0.5.3 reads neither its own depth, complexity and size settings nor the rules of the GraphQL
specification once introspection is off; with the mode it takes from the environment, it re-wraps every
resolver at every use until it fails; and it masks every error alike. The guard validates, limits, fixes the
mode, and puts the reasons that callers may know back into the answer.
"""

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    get_operation_ast,
    graphql_sync,
    parse,
    specified_rules,
    validate,
)
from graphql.execution.values import get_variable_values
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from readiness_kit.sandbox.app.auth import BadToken, Tokens
from readiness_kit.sandbox.app.call import Call, Refused, Viewer
from readiness_kit.sandbox.app.limits import Meter
from readiness_kit.sandbox.app.logs import audit
from readiness_kit.sandbox.app.settings import Settings

MAX_TOKENS = 2000
"""Most lexical tokens a document may have."""

_STATUS = {
    "METHOD_NOT_ALLOWED": 405,
    "PAYLOAD_TOO_LARGE": 413,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "UNAUTHENTICATED": 401,
    "INTROSPECTION_DISABLED": 403,
}
_HEADERS = {
    "METHOD_NOT_ALLOWED": {"allow": "POST"},
    "UNAUTHENTICATED": {"www-authenticate": 'Bearer realm="quill"'},
}
_MODE = (b"x-mode", b"x-json-passthrough")


class Question(NamedTuple):
    """A GraphQL request, parsed."""

    query: str
    document: DocumentNode
    operation: OperationDefinitionNode
    variables: dict[str, Any]


class Guard:
    """ASGI layer around FraiseQL's application."""

    def __init__(
        self, app: ASGIApp, schema: GraphQLSchema, tokens: Tokens, settings: Settings
    ) -> None:
        """Guard *app*, which serves *schema*."""
        self._app = app
        self._schema = schema
        self._tokens = tokens
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer refusals and introspection here, pass everything else on."""
        if scope["type"] != "http" or scope["path"] != "/graphql":
            await self._app(scope, receive, send)
            return
        call = Call.of(scope)
        try:
            answer = await self._admit(scope, receive, call)
        except Refused as refusal:
            await _refusal(refusal, call)(scope, receive, send)
            return
        if isinstance(answer, Response):
            await answer(scope, receive, send)
        else:
            await self._app(_standard(scope), _replay(answer, receive), _explain(call, send))

    async def _admit(self, scope: Scope, receive: Receive, call: Call) -> bytes | Response:
        """Return the body for FraiseQL, or the answer to an introspection query.

        Raises:
            Refused: The question is not answered.

        """
        headers = {name.lower(): value for name, value in scope["headers"]}
        if scope["method"] != "POST":
            raise Refused("Only POST is answered here", "METHOD_NOT_ALLOWED")
        if headers.get(b"content-type", b"").split(b";")[0].strip() != b"application/json":
            raise Refused("The body must be application/json", "UNSUPPORTED_MEDIA_TYPE")
        body = await self._body(receive)
        call.viewer = self._viewer(headers.get(b"authorization", b"").decode("latin-1"), call)
        question = self._question(body)
        call.operation = _name(question.operation)
        if not self._settings.validate_queries:
            return body
        introspective = self._validate(question, call.viewer)
        self._measure(question, exempt=introspective)
        if introspective:
            return self._introspect(question)
        return body

    async def _body(self, receive: Receive) -> bytes:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if len(body) > self._settings.max_body_bytes:
                raise Refused("The body is too large", "PAYLOAD_TOO_LARGE")
            if not message.get("more_body"):
                return body

    def _viewer(self, authorization: str, call: Call) -> Viewer:
        kind, _, token = authorization.partition(" ")
        if not authorization and self._settings.anonymous_role:
            return Viewer("anonymous", frozenset({self._settings.anonymous_role}))
        try:
            viewer = self._tokens.viewer(token if kind.lower() == "bearer" else "")
        except BadToken as error:
            reason = str(error) if authorization else "none"
            audit("authentication", call, operation="token", outcome="refused", reason=reason)
            raise Refused("A valid token is needed", "UNAUTHENTICATED") from None
        audit("authentication", call, operation="token", outcome="accepted", actor=viewer.id)
        return viewer

    def _question(self, body: bytes) -> Question:
        try:
            asked = json.loads(body)
            query, variables = asked["query"], asked.get("variables") or {}
            document = parse(query, max_tokens=MAX_TOKENS)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise Refused("The body must be JSON with a query", "BAD_REQUEST") from None
        except GraphQLError as error:
            raise Refused(error.message, "GRAPHQL_PARSE_FAILED") from None
        operation = get_operation_ast(document, asked.get("operationName"))
        if operation is None or not isinstance(variables, dict):
            raise Refused("One operation, and variables by name, are wanted", "BAD_REQUEST")
        return Question(query, document, operation, variables)

    def _validate(self, question: Question, viewer: Viewer) -> bool:
        """Check the specification's rules and the variables; return whether it asks for the schema."""
        introspective = bool(
            validate(self._schema, question.document, [NoSchemaIntrospectionCustomRule])
        )
        if introspective and not (viewer.is_admin or self._settings.open_introspection):
            raise Refused("The schema is not shown", "INTROSPECTION_DISABLED")
        if any(validate(self._schema, question.document, specified_rules, max_errors=5)):
            raise Refused("The query does not fit the schema", "GRAPHQL_VALIDATION_FAILED")
        given = get_variable_values(
            self._schema, question.operation.variable_definitions, question.variables
        )
        if isinstance(given, list):
            raise Refused("The variables do not fit the query", "BAD_USER_INPUT")
        return introspective

    def _measure(self, question: Question, *, exempt: bool) -> None:
        meter = Meter(self._schema, question.document, question.variables)
        depth, cost = meter.size(question.operation)
        if depth > self._settings.max_depth and not exempt:
            raise Refused(f"The query is deeper than {self._settings.max_depth}", "DEPTH_LIMIT")
        if cost > self._settings.max_cost:
            raise Refused(f"The query costs more than {self._settings.max_cost}", "COST_LIMIT")

    def _introspect(self, question: Question) -> Response:
        """Answer what FraiseQL keeps closed in production; only the schema is shown this way."""
        asked = question.operation.selection_set.selections
        if not all(
            isinstance(node, FieldNode) and node.name.value.startswith("__") for node in asked
        ):
            raise Refused("Ask for the schema on its own", "INTROSPECTION_DISABLED")
        return JSONResponse(
            graphql_sync(
                self._schema,
                question.query,
                variable_values=question.variables,
                operation_name=_given_name(question.operation),
            ).formatted
        )


def _refusal(refusal: Refused, call: Call) -> Response:
    call.failures.append((refusal, []))
    return JSONResponse(
        {"errors": list(_errors(call))},
        _STATUS.get(refusal.code, 400),
        headers=_HEADERS.get(refusal.code),
    )


def _errors(call: Call) -> Iterable[dict[str, object]]:
    for reason, path in call.failures:
        message = reason.message if reason else "Internal server error"
        code = reason.code if reason else "INTERNAL_SERVER_ERROR"
        where: dict[str, object] = {"path": path} if path else {}
        yield {"message": message, **where, "extensions": {"code": code, "requestId": call.id}}


def _given_name(operation: OperationDefinitionNode) -> str | None:
    return operation.name.value if operation.name else None


def _name(operation: OperationDefinitionNode) -> str:
    """Name *operation* for the log: by its kind and first field, which the caller cannot make up."""
    first = operation.selection_set.selections[0]
    field = first.name.value if isinstance(first, FieldNode) else "…"
    return f"{operation.operation.value} {field[:40]}"


def _standard(scope: Scope) -> Scope:
    """Fix the mode of execution, whatever the caller asked for."""
    headers = [pair for pair in scope["headers"] if pair[0].lower() not in _MODE]
    return {**scope, "headers": [*headers, (_MODE[0], b"standard")]}


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a channel that gives *body* once, then listens on."""
    waiting = [body]

    async def replayed() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return replayed


def _explain(call: Call, send: Send) -> Send:
    """Put the reasons that were noted in place of FraiseQL's masked errors."""
    started: Message = {}

    async def explained(message: Message) -> None:
        nonlocal started
        if message["type"] == "http.response.start":
            started = message
            return
        body: bytes = message["body"]
        if _MASKED in body and not call.failures:
            call.failures.append((None, []))
        if call.failures:
            answer = {"data": json.loads(body).get("data"), "errors": list(_errors(call))}
            body = json.dumps(answer, separators=(",", ":")).encode()
        await send({**started, **_outcome(call, started, len(body))})
        await send({**message, "body": body})

    return explained


def _outcome(call: Call, started: Message, length: int) -> Message:
    headers = [pair for pair in started["headers"] if pair[0] != b"content-length"]
    headers.append((b"content-length", str(length).encode()))
    if call.cache_state:
        headers.append((b"x-cache", call.cache_state.encode()))
    if call.unavailable:
        headers.append((b"retry-after", b"2"))
    return {"status": 503 if call.unavailable else started["status"], "headers": headers}


_MASKED = b'"errors":[{"message":"Internal server error"'
