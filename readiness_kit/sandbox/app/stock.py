"""Quill as FraiseQL's documentation has it, with ``production=True``.

Nothing is added and nothing mended; what is wrong here is wrong by itself: open to anybody,
interactive documentation, no readiness, no metrics, unknown fields answered with null, resolvers
wrapped anew at every use until the process fails.
"""

import datetime as dt
from typing import cast
from uuid import UUID

import fraiseql
from fraiseql.fastapi import create_fraiseql_app
from graphql import GraphQLResolveInfo
from starlette.types import ASGIApp

from readiness_kit.sandbox.app.settings import Settings


@fraiseql.type(sql_source="v_author")
class Author:
    """Who writes."""

    id: UUID
    name: str
    bio: str


@fraiseql.type(sql_source="v_post")
class Post:
    """What is written."""

    id: UUID
    title: str
    body: str
    published: bool
    created_at: dt.datetime
    author_id: UUID
    author: Author | None = None


@fraiseql.type(sql_source="tv_user")
class User:
    """An account."""

    id: UUID
    name: str
    email: str
    created_at: dt.datetime
    posts: list[Post]


@fraiseql.input
class CreatePostInput:
    """A new post."""

    author_id: UUID
    title: str
    body: str | None = None


@fraiseql.success
class CreatePostSuccess:
    """The post was saved."""

    message: str
    status: str
    post: Post | None = None


@fraiseql.failure
class CreatePostError:
    """The post was not saved."""

    message: str
    status: str


class CreatePost:
    """Save a post."""

    input: CreatePostInput
    success: CreatePostSuccess
    failure: CreatePostError


async def users(info: GraphQLResolveInfo, limit: int = 20, offset: int = 0) -> list[User]:
    """List users."""
    return cast("list[User]", await info.context["db"].find("tv_user", limit=limit, offset=offset))


async def user(info: GraphQLResolveInfo, id: UUID) -> User | None:  # noqa: A002
    """Find a user."""
    return cast("User | None", await info.context["db"].find_one("tv_user", id=id))


async def posts(info: GraphQLResolveInfo, limit: int = 20, offset: int = 0) -> list[Post]:
    """List posts."""
    return cast("list[Post]", await info.context["db"].find("v_post", limit=limit, offset=offset))


def build(settings: Settings) -> ASGIApp:
    """Build the application."""
    return create_fraiseql_app(
        database_url=settings.database_url,
        types=[User, Post, Author],
        queries=cast("list[type]", [users, user, posts]),
        mutations=[fraiseql.mutation(function="create_post")(CreatePost)],
        production=True,
    )
