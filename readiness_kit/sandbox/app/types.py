"""What Quill speaks of: authors, posts, users, and what a write needs and yields.

FraiseQL resolves annotations when a class is decorated, so a type comes before those that name it;
the one cycle, an author's latest post, is tied in :mod:`readiness_kit.sandbox.app.schema`.
"""

import datetime as dt
from typing import Any, Self, TypeVar
from uuid import UUID

import fraiseql

Row = dict[str, Any]
Made = TypeVar("Made")


def made(kind: type[Made], **fields: object) -> Made:
    """Return a *kind* with these attributes.

    FraiseQL's own constructor inspects its signature at every call, which costs a list of 50 posts
    more than reading it.
    """
    instance = kind.__new__(kind)
    vars(instance).update(fields)
    return instance


@fraiseql.type
class Author:
    """The public face of a user: what every reader may see."""

    id: UUID = fraiseql.fraise_field(
        description="Identifier of the author, and of the user behind it"
    )
    name: str = fraiseql.fraise_field(description="Name as printed above the posts")
    bio: str = fraiseql.fraise_field(description="A line about the author")

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """Build from the ``data`` of ``v_author``."""
        return made(
            cls,
            id=row["id"],
            name=row["name"],
            bio=row["bio"],
        )


@fraiseql.type(sql_source="v_post")
class Post:
    """A post; drafts are seen by their author and by administrators only."""

    id: UUID = fraiseql.fraise_field(description="Identifier of the post")
    title: str = fraiseql.fraise_field(description="Headline, 1 to 200 characters")
    body: str = fraiseql.fraise_field(description="Text, at most 20000 characters")
    published: bool = fraiseql.fraise_field(description="False while the post is a draft")
    created_at: dt.datetime = fraiseql.fraise_field(description="When the post was first saved")
    author_id: UUID = fraiseql.fraise_field(description="Identifier of the author")
    author: Author | None = fraiseql.fraise_field(default=None, description="Who wrote the post")

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """Build from the ``data`` of ``v_post``."""
        return made(
            cls,
            id=row["id"],
            title=row["title"],
            body=row["body"],
            published=row["published"],
            created_at=row["created_at"],
            author_id=row["author_id"],
            author=Author.from_row(row["author"]),
        )


@fraiseql.type(sql_source="tv_user")
class User:
    """An account: the author, with what is private to it."""

    id: UUID = fraiseql.fraise_field(description="Identifier of the user")
    name: str = fraiseql.fraise_field(description="Name as printed above the posts")
    email: str | None = fraiseql.fraise_field(
        description="Address of the user; only for the user and for administrators"
    )
    created_at: dt.datetime = fraiseql.fraise_field(description="When the account was made")
    posts: list[Post] = fraiseql.fraise_field(
        description="The ten latest published posts, newest first"
    )

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """Build from the ``data`` of ``tv_user``."""
        return made(
            cls,
            id=row["id"],
            name=row["name"],
            email=row["email"],
            created_at=row["created_at"],
            posts=[Post.from_row(post) for post in row["posts"]],
        )


@fraiseql.input
class CreatePostInput:
    """What a new post needs; its author is the caller."""

    title: str
    body: str | None = None
    published: bool | None = None


@fraiseql.input
class UpdatePostInput:
    """What changes in a post of the caller; what is left out stays."""

    id: UUID
    title: str | None = None
    body: str | None = None
    published: bool | None = None


@fraiseql.type
class Written:
    """A write was done."""

    id: UUID = fraiseql.fraise_field(description="Identifier of the post that was written")
    message: str = fraiseql.fraise_field(description="What was done, in words")
    post: Post | None = fraiseql.fraise_field(
        default=None, description="The post as it is now; null once deleted"
    )


OUTPUT = (Author, Post, User, Written)
INPUT = (CreatePostInput, UpdatePostInput)
