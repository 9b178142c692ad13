"""What stands before FraiseQL on ``/graphql``: who asks, and whether that is answered.

It also fixes the mode of execution. The one FraiseQL 0.5.3 takes from its environment re-wraps
every resolver at every use, until the process can only answer that it ran out of stack.
"""

from graphql import graphql_sync
from graphql.type import GraphQLSchema
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from readiness_kit.sandbox.app import answers
from readiness_kit.sandbox.app.auth import BadToken, Tokens
from readiness_kit.sandbox.app.call import Call, Refused, Viewer
from readiness_kit.sandbox.app.documents import Question, Reader
from readiness_kit.sandbox.app.logs import audit
from readiness_kit.sandbox.app.settings import Settings

_JSON = b"application/json"
_MODE = (b"x-mode", b"x-json-passthrough")


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
        self._reader = Reader(schema, settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer refusals and introspection here, pass everything else on."""
        if scope["type"] != "http" or scope["path"] != "/graphql":
            await self._app(scope, receive, send)
            return
        call = Call.of(scope)
        try:
            admitted = await self._admit(scope, receive, call)
        except Refused as reason:
            admitted = answers.refusal(reason, call, reveal=self._settings.reveal_errors)
        if isinstance(admitted, Response):
            await admitted(scope, receive, send)
        else:
            again = _replayed(admitted, receive)
            await self._app(_standard(scope), again, answers.explained(call, send))

    async def _admit(self, scope: Scope, receive: Receive, call: Call) -> bytes | Response:
        """Return the body for FraiseQL, or the answer to a question about the schema.

        Raises:
            Refused: The question is not answered.

        """
        headers = {name.lower(): value for name, value in scope["headers"]}
        if scope["method"] != "POST":
            raise Refused("Only POST is answered here", "METHOD_NOT_ALLOWED")
        if headers.get(b"content-type", b"").partition(b";")[0].strip() != _JSON:
            raise Refused("The body must be application/json", "UNSUPPORTED_MEDIA_TYPE")
        body = await self._body(receive)
        call.viewer = self._viewer(headers.get(b"authorization", b"").decode("latin-1"), call)
        question = self._reader.read(body)
        call.operation = question.title
        if question.document.introspective:
            return self._introspect(question, call.viewer)
        return body

    async def _body(self, receive: Receive) -> bytes:
        body = bytearray()
        while True:
            message = await receive()
            body += message.get("body", b"")
            if len(body) > self._settings.max_body_bytes:
                raise Refused("The body is too large", "PAYLOAD_TOO_LARGE")
            if not message.get("more_body"):
                return bytes(body)

    def _viewer(self, authorization: str, call: Call) -> Viewer:
        kind, _, token = authorization.partition(" ")
        if not authorization and self._settings.anonymous_role:
            return Viewer("anonymous", frozenset({self._settings.anonymous_role}))
        try:
            viewer = self._tokens.viewer(token if kind.lower() == "bearer" else "")
        except BadToken as error:
            reason = str(error) if authorization else "no token"
            audit("authentication", call, operation="token", outcome="refused", reason=reason)
            raise Refused("A valid token is needed", "UNAUTHENTICATED") from None
        audit("authentication", call, operation="token", outcome="accepted", actor=viewer.id)
        return viewer

    def _introspect(self, question: Question, viewer: Viewer) -> Response:
        """Answer administrators what FraiseQL keeps closed to everybody in production."""
        if not (viewer.is_admin or self._settings.open_introspection):
            raise Refused("The schema is not shown", "INTROSPECTION_DISABLED")
        if not question.asks_schema_only:
            raise Refused("Ask for the schema on its own", "INTROSPECTION_DISABLED")
        name = question.operation.name
        found = graphql_sync(
            self._schema,
            question.text,
            variable_values=question.variables,
            operation_name=name.value if name else None,
        )
        return JSONResponse(found.formatted)


def _standard(scope: Scope) -> Scope:
    """Fix the mode of execution, whatever the caller asked for."""
    headers = [pair for pair in scope["headers"] if pair[0].lower() not in _MODE]
    return {**scope, "headers": [*headers, (_MODE[0], b"standard")]}


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return a channel that gives *body* once, then listens on."""
    waiting = [body]

    async def replay() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return replay
