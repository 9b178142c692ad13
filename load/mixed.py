"""Four reads to each write. What is written is marked, kept few, and removed.

The identity must be allowed to write::

    LOCUST_TOKEN=… locust -f load/mixed.py --headless --host https://localhost:8443 -u 10
"""

from locust import tag, task
from service import Author, one_of

MOST_DRAFTS = 3
"""Drafts that one user keeps at once."""


class Writer(Author):
    """Reads, writes, corrects and throws away."""

    weight = 2

    @tag("read")
    @task(5)
    def posts(self) -> None:
        """List the latest posts."""
        self.list_posts()

    @tag("read")
    @task(4)
    def post(self) -> None:
        """Open one."""
        self.open_post()

    @tag("read")
    @task(3)
    def user(self) -> None:
        """Open a user with their posts."""
        self.open_user()

    @tag("write")
    @task(2)
    def draft(self) -> None:
        """Write a draft, or throw one away where there are enough."""
        if len(self.drafts) < MOST_DRAFTS:
            self.write()
        else:
            self.remove(self.drafts[0])

    @tag("write")
    @task(1)
    def correction(self) -> None:
        """Correct a draft, or write the first."""
        if self.drafts:
            self.rewrite(one_of(self.drafts))
        else:
            self.write()
