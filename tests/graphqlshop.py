"""A small GraphQL service over graphql-core, right by default; a test names what is wrong with it."""

import contextlib
import json
from collections.abc import Iterator

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    build_schema,
    execute_sync,
    parse,
    validate,
)
from graphql.execution.values import get_variable_values
from webserver import Asked, Reply, serve

SDL = """
type User { id: ID! name: String! email: String notes: [Note!]! }
type Note { id: ID! title: String! owner: User! }
input NoteInput { title: String! tags: [String!] }
type Query { me: User users(first: Int): [User!]! note(id: ID!): Note notes(first: Int, tags: [String!]): [Note!]! }
type Mutation { addNote(input: NoteInput!): Note renameNote(id: ID!, title: String!): Note dropNote(id: ID!): Note }
"""
TOKENS = {
    "ada-token": ("1", "admin"),
    "bob-token": ("2", "writer"),
    "cy-token": ("3", "reader"),
    "di-token": ("4", "writer"),
}
MAX_DEPTH = 7
MAX_BODY = 50_000


class Shop:
    """Users with notes; ``faults`` says what is left out."""

    def __init__(self, *faults: str) -> None:
        self.faults = faults
        self.schema = build_schema(SDL)
        self.users = {
            n: {"id": n, "name": f"user {n}", "email": f"{n}@shop.invalid"} for n in "12345"
        }
        self.notes = {"10": {"id": "10", "title": "first", "owner_id": "5"}}
        self.asked: list[str] = []
        resolvers = {
            "Query.me": self.me,
            "Query.users": self.list_users,
            "Query.note": self.note,
            "Query.notes": self.list_notes,
            "Mutation.addNote": self.add_note,
            "Mutation.renameNote": self.rename_note,
            "Mutation.dropNote": self.drop_note,
        }
        for coordinate, resolve in resolvers.items():
            kind, name = coordinate.split(".")
            self.schema.type_map[kind].fields[name].resolve = resolve
        types = self.schema.type_map
        types["User"].fields["email"].resolve = self.email
        types["User"].fields["notes"].resolve = lambda user, info: [
            one for one in self.notes.values() if one["owner_id"] == user["id"]
        ]
        types["Note"].fields["owner"].resolve = lambda note, info: self.users[note["owner_id"]]

    def demand(self, info, *roles):
        if "roles_ignored" not in self.faults and info.context[1] not in roles:
            raise GraphQLError("Permission denied")

    def own(self, info, note_id):
        note = self.notes.get(note_id)
        mine = note and (note["owner_id"] == info.context[0] or info.context[1] == "admin")
        return note if mine or "owner_ignored" in self.faults else None

    def email(self, user, info):
        if (
            info.context[1] == "admin"
            or user["id"] == info.context[0]
            or "field_open" in self.faults
        ):
            return user["email"]
        if "field_null" in self.faults:
            return None
        raise GraphQLError("Permission denied")

    def me(self, root, info):
        return self.users[info.context[0]]

    def list_users(self, root, info, first=10):
        return list(self.users.values())[-first:]

    def note(self, root, info, **given):
        return self.own(info, given["id"])

    def list_notes(self, root, info, first=10, tags=()):
        if not 0 < first <= 50 and "bounds_ignored" not in self.faults:
            raise GraphQLError("first must be 1 to 50")
        return list(self.notes.values())[-first:]

    def add_note(self, root, info, **given):
        title = given["input"]["title"]
        self.demand(info, "writer", "admin")
        if "lengths_ignored" not in self.faults and len(title) > 100:
            raise GraphQLError("title is too long")
        number = str(100 + len(self.notes) + sum(map(int, self.notes)))
        self.notes[number] = {"id": number, "title": title, "owner_id": info.context[0]}
        if "stored_and_failed" in self.faults and len(title) > 100:
            raise GraphQLError("title is too long")
        return self.notes[number]

    def rename_note(self, root, info, **given):
        self.demand(info, "writer", "admin")
        note = self.own(info, given["id"])
        if note is None:
            raise GraphQLError("no such note")
        note["title"] = given["title"]
        return note

    def drop_note(self, root, info, **given):
        self.demand(info, "writer", "admin")
        note = self.own(info, given["id"])
        if note is None or "nothing_dropped" in self.faults:
            raise GraphQLError("no such note")
        return self.notes.pop(given["id"])

    def answer(self, asked: Asked) -> Reply:
        if len(asked.body) > MAX_BODY and "bodies_unlimited" not in self.faults:
            return Reply(status=413)
        caller = TOKENS.get(asked.token)
        if caller is None and "strangers_welcome" in self.faults:
            caller = ("3", "reader")
        if caller is None:
            return Reply(status=401, body={"errors": [{"message": "Unauthenticated"}]})
        body = json.loads(asked.body)
        if isinstance(body, list):
            return Reply(status=400, body={"errors": [{"message": "One operation at a time"}]})
        self.asked.append(body["query"])
        return self.run(body["query"], body.get("variables") or {}, caller)

    def run(self, query, variables, caller) -> Reply:
        try:
            tree = parse(query, max_tokens=2000)
        except GraphQLError as error:
            return Reply(status=400, body={"errors": [{"message": error.message}]})
        said = [] if "validation_off" in self.faults else validate(self.schema, tree)
        if not said and "depth_unlimited" not in self.faults and depth(tree) > MAX_DEPTH:
            said = [GraphQLError("The query is too deep")]
        closed = "__schema" in query and (
            "introspection_closed" in self.faults or caller[1] != "admin"
        )
        if said or closed:
            message = said[0].message if said else "Introspection is closed"
            return Reply(status=400, body={"errors": [{"message": message}]})
        if "variables_unchecked" in self.faults:
            wanted = tree.definitions[0].variable_definitions
            if isinstance(get_variable_values(self.schema, wanted, variables), list):
                return Reply(body={"data": {"notes": []}})
        found = execute_sync(self.schema, tree, context_value=caller, variable_values=variables)
        return Reply(body=found.formatted)


def depth(tree: DocumentNode) -> int:
    """Return the depth of a document without fragments."""

    def below(node) -> int:
        inner = node.selection_set.selections if node.selection_set else ()
        return 1 + max((below(one) for one in inner if isinstance(one, FieldNode)), default=0)

    roots = [one.selection_set.selections for one in tree.definitions]
    introspects = any(
        getattr(one, "name", None) and one.name.value.startswith("__")
        for part in roots
        for one in part
    )
    return (
        0
        if introspects
        else max(below(one) for part in roots for one in part if isinstance(one, FieldNode))
    )


@contextlib.contextmanager
def shop(*faults: str) -> Iterator[tuple[str, Shop]]:
    """Yield the URL of a shop, and the shop."""
    service = Shop(*faults)
    with serve(service.answer) as url:
        yield url, service
