"""A small service on Strawberry: refusals are HTTP 200 with ``errors``, as is its habit."""

import strawberry
from graphql import GraphQLError
from services.behaviour import Behaviour
from services.callers import Caller, Callers
from services.store import PUBLIC, Store
from strawberry.asgi import GraphQL
from strawberry.extensions import DisableIntrospection, MaskErrors, QueryDepthLimiter
from strawberry.schema.config import StrawberryConfig

Info = strawberry.Info
LONGEST_TITLE = 1000


def caller(info: Info) -> Caller:
    found = info.context["caller"]
    if found is None:
        refusal = "You must be signed in to see this."
        raise GraphQLError(refusal, extensions={"code": "UNAUTHENTICATED"})
    return found


def refuse(why: str, code: str) -> None:
    raise GraphQLError(why, extensions={"code": code})


@strawberry.type
class Note:
    id: strawberry.ID
    title: str
    owner_id: strawberry.Private[str]

    @strawberry.field
    def owner(self, info: Info) -> "User | None":
        return user_from(info, self.owner_id)


@strawberry.type
class User:
    id: strawberry.ID
    name: str
    secret_email: strawberry.Private[str]

    @strawberry.field
    def email(self, info: Info) -> str | None:
        if caller(info).role != "admin" and not behaviour(info).has("field_open"):
            refuse("Only administrators see this.", "FORBIDDEN")
        return self.secret_email

    @strawberry.field
    def notes(self, info: Info) -> list[Note]:
        return [note_from(row) for row in info.context["store"].notes_of(self.id)]


def behaviour(info: Info) -> Behaviour:
    return info.context["behaviour"]


def note_from(row) -> Note:
    return Note(id=row["id"], title=row["title"], owner_id=row["owner"])


def user_from(info: Info, user_id: str) -> User | None:
    row = info.context["store"].user(user_id)
    return User(id=row["id"], name=row["name"], secret_email=row["email"]) if row else None


def own_note(info: Info, note_id: str) -> Note | None:
    me, row = caller(info), info.context["store"].note(note_id)
    mine = row and (row["owner"] in (me.name, PUBLIC) or behaviour(info).has("notes_of_others"))
    return note_from(row) if mine else None


def writer(info: Info, title: str = "x") -> Store:
    """Return the store if the caller may write *title* into it."""
    if caller(info).role == "reader" and not behaviour(info).has("role_ignored"):
        refuse("Readers may not change anything.", "FORBIDDEN")
    if not 0 < len(title) <= LONGEST_TITLE:
        refuse(f"title is 1 to {LONGEST_TITLE} long", "BAD_USER_INPUT")
    return info.context["store"]


@strawberry.type
class Query:
    @strawberry.field
    def me(self, info: Info) -> User | None:
        return user_from(info, caller(info).name)

    @strawberry.field
    def user(self, info: Info, id: strawberry.ID) -> User | None:  # noqa: A002
        caller(info)
        return user_from(info, id)

    @strawberry.field
    def notes(self, info: Info, limit: int = 10) -> list[Note]:
        caller(info)
        if not 0 < limit <= 100:
            refuse("limit is 1 to 100", "BAD_USER_INPUT")
        return [note_from(row) for row in info.context["store"].notes(limit)]

    @strawberry.field
    def note(self, info: Info, id: strawberry.ID) -> Note | None:  # noqa: A002 - the schema's name
        return own_note(info, id)

    @strawberry.field
    def search(self, info: Info, title: str) -> list[Note]:
        caller(info)
        if len(title) > LONGEST_TITLE:
            refuse("title is too long", "BAD_USER_INPUT")
        return [note_from(row) for row in info.context["store"].search(title)]


@strawberry.type
class Mutation:
    @strawberry.mutation
    def rename_note(self, info: Info, id: strawberry.ID, title: str) -> Note | None:  # noqa: A002
        store = writer(info, title)
        if own_note(info, id) is None:
            return None
        store.rename(id, title)
        return note_from(store.note(id))

    @strawberry.mutation
    def create_note(self, info: Info, title: str) -> Note:
        return note_from(writer(info, title).add(title, caller(info).name))

    @strawberry.mutation
    def delete_note(self, info: Info, id: strawberry.ID) -> Note | None:  # noqa: A002
        store, found = writer(info), own_note(info, id)
        if found:
            store.remove(id)
        return found


SDL = strawberry.Schema(Query, Mutation).as_str()


class App(GraphQL):
    """Strawberry's own ASGI application, with a caller in its context."""

    def __init__(self, schema: strawberry.Schema, conduct: Behaviour) -> None:
        super().__init__(schema, graphql_ide="graphiql" if conduct.has("ide") else None)
        self._behaviour = conduct
        self._store = Store(careless=conduct.has("sql_concatenated"))
        self._callers = Callers(conduct)

    async def get_context(self, request, response):
        known = self._callers.recognise(request.headers.get("authorization"))
        return {"caller": known, "store": self._store, "behaviour": self._behaviour}


def make(conduct: Behaviour) -> App:
    extensions = []
    if not conduct.has("introspection_open"):
        extensions.append(DisableIntrospection())
    if not conduct.has("no_depth_limit"):
        extensions.append(QueryDepthLimiter(max_depth=8))
    if not conduct.has("errors_unmasked"):
        extensions.append(MaskErrors(_is_internal))
    config = StrawberryConfig(disable_field_suggestions=True)
    schema = strawberry.Schema(Query, Mutation, extensions=extensions, config=config)
    return App(schema, conduct)


def _is_internal(error: GraphQLError) -> bool:
    """Tell a fault of the service's from a refusal and from a fault of the caller's."""
    original = error.original_error
    return original is not None and not isinstance(original, GraphQLError)
