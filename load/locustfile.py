"""Readers and writers of Quill, the demo service.

The engine plays this file (``readiness load benchmark``), and stock Locust does too::

    LOCUST_TOKEN=… locust -f load/locustfile.py --headless --host https://localhost:8443 -u 10

Write your own in the same way: one user class, one task per operation, weights as in real traffic.
"""

import itertools
from random import choice

from locust import between, task

from readiness_kit.harness.users import Json, OpenUser

USERS = (
    "query Users($limit: Int, $offset: Int) { users(limit: $limit, offset: $offset) { id name } }"
)
USER = "query User($id: ID!) { user(id: $id) { id name posts { id title } } }"
POSTS = "query Posts($limit: Int) { posts(limit: $limit) { id title createdAt author { name } } }"
CREATE_POST = """
mutation CreatePost($input: CreatePostInput!) {
  createPost(input: $input) { id message post { title } }
}
"""

DELETE_POST = "mutation DeletePost($id: ID!) { deletePost(id: $id) { id } }"

MARK = "readiness-load"
"""Start of the title of every post made here, so that they can be found and removed."""


class Reader(OpenUser):
    """Reads much and writes a little."""

    wait_time = between(0.5, 1.5)  # for stock Locust; the engine paces by its schedule

    def on_start(self) -> None:
        """Learn which users there are."""
        data = self.gql(USERS, {"limit": 50})
        found = data.get("users") if data else None
        people = found if isinstance(found, list) else []
        self.ids = [one["id"] for one in people if isinstance(one, dict)]
        self.numbers = itertools.count(1)
        self.drafts: list[Json] = []

    def on_stop(self) -> None:
        """Remove what was written."""
        for draft in self.drafts:
            self.gql(DELETE_POST, {"id": draft})

    @task(4)
    def users(self) -> None:
        """List a page of users."""
        self.gql(USERS, {"limit": 20, "offset": choice((0, 20))})  # noqa: S311 - which page, no secret

    @task(4)
    def user(self) -> None:
        """Open one user with their posts."""
        if self.ids:
            self.gql(USER, {"id": choice(self.ids)})  # noqa: S311 - which user, no secret

    @task(4)
    def posts(self) -> None:
        """List the latest posts."""
        self.gql(POSTS, {"limit": 20})

    @task(1)
    def create_post(self) -> None:
        """Write a draft, which no reader sees."""
        draft: dict[str, Json] = {
            "title": f"{MARK} {next(self.numbers)}",
            "body": "x" * 200,
            "published": False,
        }
        data = self.gql(CREATE_POST, {"input": draft}, accept=lambda data: bool(data["createPost"]))
        made = data["createPost"] if data else None
        if isinstance(made, dict):
            self.drafts.append(made["id"])
