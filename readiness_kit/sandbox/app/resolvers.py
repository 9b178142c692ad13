"""What each query and mutation does."""

from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID

from fraiseql.db import FraiseQLRepository
from fraiseql.optimization.dataloader import DataLoader
from graphql import GraphQLResolveInfo

from readiness_kit.sandbox.app.cache import Cache, Rows
from readiness_kit.sandbox.app.call import Call, Refused
from readiness_kit.sandbox.app.database import Database
from readiness_kit.sandbox.app.logs import audit
from readiness_kit.sandbox.app.settings import Settings
from readiness_kit.sandbox.app.types import (
    Author,
    CreatePostInput,
    Post,
    UpdatePostInput,
    User,
    Written,
    made,
)

MAX_PAGE = 100
_PAGE = 20
_USERS = "SELECT data FROM tv_user ORDER BY created_at, id LIMIT %(limit)s OFFSET %(offset)s"
_USER = "SELECT data FROM tv_user WHERE id = %(id)s::uuid"
_POSTS = (
    "SELECT data FROM v_post WHERE published"
    " ORDER BY created_at DESC, id LIMIT %(limit)s OFFSET %(offset)s"
)
_POST = "SELECT data FROM v_post WHERE id = %(id)s::uuid"
_LATEST = "SELECT data FROM v_latest_post WHERE author_id = ANY(%(ids)s::uuid[])"

_CODES = {"noop:not_found": "NOT_FOUND"}


class Desk:
    """What resolvers work with during one request: the caller, the cache and the database."""

    def __init__(
        self,
        call: Call,
        db: FraiseQLRepository,
        cache: Cache,
        database: Database,
        settings: Settings,
    ) -> None:
        """Bring together what belongs to one request."""
        self.call = call
        self.settings = settings
        self._db = db
        self._cache = cache
        self._database = database
        self.latest = LatestPosts(self._latest)

    async def read(self, name: str, sql: str, **parameters: object) -> Rows:
        """Return rows, from the cache when it has them."""
        key = ":".join([name, *map(str, parameters.values())])
        return await self._cache.read(key, self.call, lambda: self._rows(sql, parameters))

    async def write(self, function: str, given: Mapping[str, object]) -> Written:
        """Call an SQL function in the caller's name, and forget what was cached.

        Raises:
            Refused: The function did not do it; nothing has changed.

        """
        assert self.call.viewer is not None  # noqa: S101 - the rule of the field saw to it
        sent = {name: value for name, value in given.items() if value is not None}
        result = await self._database.write(self._db, function, self.call.viewer.id, sent)
        status: str = result["status"]
        audit("data", self.call, operation=function, outcome=status, object=result["id"])
        if status != "success":
            raise Refused(result["message"], _CODES.get(status, "BAD_USER_INPUT"))
        await self._cache.forget()
        row = (result["object_data"] or {}).get("post")
        return made(
            Written,
            id=result["id"],
            message=result["message"],
            post=Post.from_row(row) if row else None,
        )

    async def _rows(self, sql: str, parameters: dict[str, object]) -> Rows:
        return await self._database.rows(self._db, sql, parameters)

    async def _latest(self, ids: list[str]) -> list[Post | None]:
        """Return the latest post of each author in *ids*: one statement for all of them."""
        batches = [ids] if self.settings.batch_loading else [[one] for one in ids]
        rows = [row for batch in batches for row in await self._rows(_LATEST, {"ids": batch})]
        posts = {row["author_id"]: Post.from_row(row) for row in rows}
        return [posts.get(author) for author in ids]


class LatestPosts(DataLoader[str, Post]):
    """Gathers what one level of a query asks for into one statement."""

    def __init__(self, fetch: Callable[[list[str]], Awaitable[list[Post | None]]]) -> None:
        """Fetch with *fetch*."""
        super().__init__()
        self._fetch = fetch

    async def batch_load(self, keys: list[str]) -> list[Post | None]:
        """Return a post, or nothing, for each of *keys*."""
        return await self._fetch(keys)


def page(limit: int | None, offset: int | None) -> dict[str, object]:
    """Return the bounds of a page.

    Raises:
        Refused: Bounds outside what is offered.

    """
    limit, offset = _PAGE if limit is None else limit, offset or 0
    if not 0 < limit <= MAX_PAGE or not 0 <= offset <= 2**31 - 1:
        raise Refused(f"limit must be 1 to {MAX_PAGE} and offset 0 or more", "BAD_USER_INPUT")
    return {"limit": limit, "offset": offset}


def identifier(given: UUID | str) -> str:
    """Return *given* in the one form of an id; FraiseQL hands on whatever text was sent.

    Raises:
        Refused: It is none.

    """
    try:
        return str(UUID(str(given)))
    except ValueError:
        raise Refused("An id is a UUID", "BAD_USER_INPUT") from None


def desk(info: GraphQLResolveInfo) -> Desk:
    """Return the desk of the request behind *info*."""
    found: Desk = info.context["desk"]
    return found


async def users(
    info: GraphQLResolveInfo, limit: int | None = None, offset: int | None = None
) -> list[User]:
    """List users, oldest first."""
    rows = await desk(info).read("users", _USERS, **page(limit, offset))
    return [User.from_row(row) for row in rows]


async def user(info: GraphQLResolveInfo, id: UUID) -> User | None:  # noqa: A002 - the argument's public name
    """Return one user, or null."""
    rows = await desk(info).read("user", _USER, id=identifier(id))
    return User.from_row(rows[0]) if rows else None


async def me(info: GraphQLResolveInfo) -> User | None:
    """Return the caller's own account."""
    viewer = desk(info).call.viewer
    return await user(info, UUID(viewer.id)) if viewer else None


async def posts(
    info: GraphQLResolveInfo, limit: int | None = None, offset: int | None = None
) -> list[Post]:
    """List published posts, newest first."""
    rows = await desk(info).read("posts", _POSTS, **page(limit, offset))
    return [Post.from_row(row) for row in rows]


async def post(info: GraphQLResolveInfo, id: UUID) -> Post | None:  # noqa: A002 - the argument's public name
    """Return one post, or null; the draft of somebody else looks like none."""
    rows = await desk(info).read("post", _POST, id=identifier(id))
    found = Post.from_row(rows[0]) if rows else None
    return found if found and _may_see(desk(info), found) else None


async def create_post(info: GraphQLResolveInfo, input: CreatePostInput) -> Written:  # noqa: A002
    """Save a new post of the caller."""
    given = {"title": input.title, "body": input.body, "published": input.published}
    return await desk(info).write("create_post", given)


async def update_post(info: GraphQLResolveInfo, input: UpdatePostInput) -> Written:  # noqa: A002
    """Change a post of the caller."""
    given = {"title": input.title, "body": input.body, "published": input.published}
    return await desk(info).write("update_post", {"id": identifier(input.id), **given})


async def delete_post(info: GraphQLResolveInfo, id: UUID) -> Written:  # noqa: A002
    """Delete a post of the caller."""
    return await desk(info).write("delete_post", {"id": identifier(id)})


async def latest_post(author: Author, info: GraphQLResolveInfo) -> Post | None:
    """Return the newest published post of *author*."""
    return await desk(info).latest.load(str(author.id))


def _may_see(desk: Desk, post: Post) -> bool:
    viewer = desk.call.viewer
    owner = viewer is not None and (viewer.is_admin or viewer.id == str(post.author_id))
    return post.published or owner or not desk.settings.enforce_ownership


QUERIES = (users, user, me, posts, post)
MUTATIONS = (create_post, update_post, delete_post)
