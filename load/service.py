"""What callers ask of Quill, the demo service. Put your own service's operations in its place.

The scenarios beside this file share it; it has no user of its own. A request is a method here, so
that a scenario is no more than who does what, how often.
"""

import itertools
import random
from collections.abc import Sequence
from typing import TypeVar

from locust import between

from readiness_kit.harness.users import Json, OpenUser

Thing = TypeVar("Thing")
Row = dict[str, Json]

ME = "query Me { me { id name } }"
USERS = (
    "query Users($limit: Int, $offset: Int) { users(limit: $limit, offset: $offset) { id name } }"
)
USER = "query User($id: ID!) { user(id: $id) { id name posts { id title } } }"
POSTS = """
query Posts($limit: Int, $offset: Int) {
  posts(limit: $limit, offset: $offset) { id title createdAt author { id name } }
}
"""
POST = "query Post($id: ID!) { post(id: $id) { id title body author { id name } } }"
CREATE_POST = """
mutation CreatePost($input: CreatePostInput!) {
  createPost(input: $input) { id message post { title } }
}
"""
UPDATE_POST = """
mutation UpdatePost($input: UpdatePostInput!) {
  updatePost(input: $input) { id post { title } }
}
"""
DELETE_POST = "mutation DeletePost($id: ID!) { deletePost(id: $id) { id } }"

MARK = "readiness-load"
"""Start of the title of every post made here, so that what a crash leaves behind can be found."""

PAGE = 20
"""Entries of one page."""


def one_of(things: Sequence[Thing]) -> Thing:
    """Return any of *things*."""
    return random.choice(things)  # noqa: S311 - what to look at, no secret


def rows(data: Row | None, field: str) -> list[Row]:
    """Return the list that *data* has in *field*, empty where the request failed."""
    found = data.get(field) if data else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


class Visitor(OpenUser):
    """Somebody who reads."""

    abstract = True
    wait_time = between(0.5, 1.5)  # for stock Locust; the engine paces by its schedule

    def on_start(self) -> None:
        """Learn which users and posts there are.

        The engine hands every user a token of its pool; stock Locust takes ``LOCUST_TOKEN``. Where
        there is a login, call it here and keep what it gives in ``self.token``.
        """
        self.people = rows(self.gql(USERS, {"limit": PAGE}), "users")
        self.headlines = rows(self.gql(POSTS, {"limit": PAGE}), "posts")

    def look_at_myself(self) -> None:
        """Open the own account."""
        self.gql(ME)

    def list_users(self) -> None:
        """List one of the first pages of users."""
        self.gql(USERS, {"limit": PAGE, "offset": one_of((0, PAGE))})

    def open_user(self, user: Json = None) -> None:
        """Open one user with their posts."""
        ids = [user] if user else [one["id"] for one in self.people]
        if ids:
            self.gql(USER, {"id": one_of(ids)})
        else:
            self.list_users()

    def list_posts(self, page: int = 0) -> list[Row]:
        """List a page of posts, the latest first, and return it."""
        return rows(self.gql(POSTS, {"limit": PAGE, "offset": PAGE * page}), "posts")

    def open_post(self, post: Json = None) -> Row | None:
        """Open one post; return it, or None when it is not there."""
        ids = [post] if post else [one["id"] for one in self.headlines]
        if not ids:
            self.list_posts()
            return None
        data = self.gql(POST, {"id": one_of(ids)})
        found = data.get("post") if data else None
        return found if isinstance(found, dict) else None


class Author(Visitor):
    """Somebody who writes drafts, which no reader sees, and leaves none behind."""

    abstract = True

    def on_start(self) -> None:
        """Begin without drafts."""
        super().on_start()
        self.numbers = itertools.count(1)
        self.drafts: list[Json] = []

    def on_stop(self) -> None:
        """Remove what is left."""
        while self.drafts:
            self.gql(DELETE_POST, {"id": self.drafts.pop()})

    def write(self) -> Json:
        """Save a draft; return its id, or None when that failed."""
        draft: Row = {
            "title": f"{MARK} {next(self.numbers)}",
            "body": "All work is improved by one more reading. " * 5,
            "published": False,
        }
        data = self.gql(CREATE_POST, {"input": draft}, accept=lambda it: bool(it.get("createPost")))
        made = data["createPost"] if data else None
        if not isinstance(made, dict):
            return None
        self.drafts.append(made["id"])
        return made["id"]

    def rewrite(self, draft: Json) -> str | None:
        """Give *draft* another title; return it, or None when that failed."""
        title = f"{MARK} {next(self.numbers)}, read once more"
        change: Row = {"id": draft, "title": title}
        done = self.gql(
            UPDATE_POST, {"input": change}, accept=lambda it: bool(it.get("updatePost"))
        )
        return title if done else None

    def remove(self, draft: Json) -> None:
        """Delete *draft*."""
        if self.gql(DELETE_POST, {"id": draft}, accept=lambda it: bool(it.get("deletePost"))):
            self.drafts.remove(draft)

    def read_own(self, draft: Json, title: str | None = None) -> None:
        """Open *draft*, which must be there, and have *title* where one is given."""

        def seen(data: Row) -> bool:
            post = data.get("post")
            return isinstance(post, dict) and title in {None, post.get("title")}

        self.gql(POST, {"id": draft}, accept=seen)
