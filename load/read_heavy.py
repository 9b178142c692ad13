"""Readers only: lists, pages and single entries. Nothing is written.

::

    LOCUST_TOKEN=… locust -f load/read_heavy.py --headless --host https://localhost:8443 -u 10
"""

from locust import tag, task
from service import Visitor


class Reader(Visitor):
    """Reads, as most callers do."""

    weight = 7

    @tag("read")
    @task(4)
    def users(self) -> None:
        """List users."""
        self.list_users()

    @tag("read")
    @task(4)
    def user(self) -> None:
        """Open one."""
        self.open_user()

    @tag("read")
    @task(5)
    def posts(self) -> None:
        """List the latest posts."""
        self.list_posts()

    @tag("read")
    @task(1)
    def older_posts(self) -> None:
        """Turn the page."""
        self.list_posts(1)

    @tag("read")
    @task(4)
    def post(self) -> None:
        """Open one."""
        self.open_post()

    @tag("read")
    @task(1)
    def myself(self) -> None:
        """Open the own account."""
        self.look_at_myself()
