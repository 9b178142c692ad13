"""A small service on Ariadne: refusals are HTTP 401 with an error shape of its own."""

from ariadne import MutationType, ObjectType, QueryType, make_executable_schema
from ariadne.asgi import GraphQL
from ariadne.explorer import ExplorerHttp405, ExplorerPlayground
from ariadne.format_error import format_error
from graphql import GraphQLError, ValidationRule
from services.behaviour import Behaviour
from services.callers import Callers
from services.store import PUBLIC, Store
from starlette.requests import Request
from starlette.responses import JSONResponse

SCHEMA = """
type Query { me: User  user(id: ID!): User  notes(limit: Int = 10): [Note!]!  note(id: ID!): Note  search(title: String!): [Note!]! }
type Mutation { renameNote(id: ID!, title: String!): Note
  createNote(title: String!): Note!  deleteNote(id: ID!): Note }
type User { id: ID!  name: String!  email: String  notes: [Note!]! }
type Note { id: ID!  title: String!  owner: User }
"""
DEEPEST = 8
LONGEST_TITLE = 1000


class DepthLimit(ValidationRule):
    """Refuses what is nested too deeply; Ariadne has no such rule of its own."""

    def enter_field(self, node, _key, _parent, _path, ancestors):
        depth = sum(getattr(one, "kind", "") == "field" for one in ancestors)
        if depth >= DEEPEST:
            self.report_error(GraphQLError(f"deeper than {DEEPEST} levels", node))


class Resolvers:
    """What the fields of the schema hold."""

    def __init__(self, behaviour: Behaviour, store: Store) -> None:
        self._behaviour, self._store = behaviour, store

    def me(self, _root, info):
        return self._store.user(info.context["caller"].name)

    def user(self, _root, _info, id):  # noqa: A002 - the schema's name
        return self._store.user(id)

    def notes(self, _root, _info, limit):
        if not 0 < limit <= 100:
            raise GraphQLError("limit is 1 to 100")
        return self._store.notes(limit)

    def note(self, _root, info, id):  # noqa: A002 - the schema's name
        row = self._store.note(id)
        mine = row and row["owner"] in (info.context["caller"].name, PUBLIC)
        return row if mine or self._behaviour.has("notes_of_others") else None

    def search(self, _root, _info, title):
        if len(title) > LONGEST_TITLE:
            raise GraphQLError("title is too long")
        return self._store.search(title)

    def rename(self, root, info, id, title):  # noqa: A002 - the schema's name
        self._demand_writer(info, title)
        if self.note(root, info, id) is None:
            return None
        self._store.rename(id, title)
        return self._store.note(id)

    def create(self, _root, info, title):
        self._demand_writer(info, title)
        return self._store.add(title, info.context["caller"].name)

    def delete(self, root, info, id):  # noqa: A002 - the schema's name
        self._demand_writer(info)
        found = self.note(root, info, id)
        if found:
            self._store.remove(id)
        return found

    def _demand_writer(self, info, title="x"):
        if info.context["caller"].role == "reader" and not self._behaviour.has("role_ignored"):
            raise GraphQLError("not for readers", extensions={"code": "FORBIDDEN"})
        if not 0 < len(title) <= LONGEST_TITLE:
            raise GraphQLError(f"title is 1 to {LONGEST_TITLE} long")

    def email(self, row, info):
        if info.context["caller"].role != "admin" and not self._behaviour.has("field_open"):
            raise GraphQLError("not for you", extensions={"code": "FORBIDDEN"})
        return row["email"]

    def notes_of(self, row, _info):
        return self._store.notes_of(row["id"])

    def owner(self, row, _info):
        return self._store.user(row["owner"])


def schema_of(hold: Resolvers):
    query, mutation = QueryType(), MutationType()
    user, note = ObjectType("User"), ObjectType("Note")
    for name in ("me", "user", "notes", "note", "search"):
        query.set_field(name, getattr(hold, name))
    mutation.set_field("renameNote", hold.rename)
    mutation.set_field("createNote", hold.create)
    mutation.set_field("deleteNote", hold.delete)
    user.set_field("email", hold.email)
    user.set_field("notes", hold.notes_of)
    note.set_field("owner", hold.owner)
    for kind, names in ((user, ("id", "name")), (note, ("id", "title"))):
        for name in names:
            kind.set_field(name, lambda row, _info, name=name: row[name])
    return make_executable_schema(SCHEMA, query, mutation, user, note)


def make(behaviour: Behaviour):
    hold = Resolvers(behaviour, Store(careless=behaviour.has("sql_concatenated")))
    callers = Callers(behaviour)
    inner = GraphQL(
        schema_of(hold),
        context_value=lambda request, _: {"caller": request.scope["caller"]},
        introspection=behaviour.has("introspection_open"),
        validation_rules=None if behaviour.has("no_depth_limit") else [DepthLimit],
        explorer=ExplorerPlayground() if behaviour.has("ide") else ExplorerHttp405(),
        debug=behaviour.has("errors_unmasked"),
        error_formatter=_formatted,
    )

    async def app(scope, receive, send):
        credential = Request(scope).headers.get("authorization")
        scope["caller"] = callers.recognise(credential)
        if scope["caller"] is None and scope["method"] == "POST":
            shape = {"error": {"code": "E401", "message": "Who are you?"}}
            await JSONResponse(shape, 401)(scope, receive, send)
            return
        await inner(scope, receive, send)

    return app


def _formatted(error: GraphQLError, debug: bool) -> dict:
    original = error.original_error
    if debug or original is None or isinstance(original, GraphQLError):
        return format_error(error, debug)
    return {"message": "Something went wrong", "code": "E500"}
