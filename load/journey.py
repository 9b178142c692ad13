"""What one person does in one sitting: look around, read on, and now and then write.

The steps of a journey follow one another, and each needs what the one before it gave. Under stock
Locust a person thinks between two steps; the engine sends each step when its schedule says so::

    LOCUST_TOKEN=… locust -f load/journey.py --headless --host https://localhost:8443 -u 10
"""

from locust import SequentialTaskSet, between, tag, task
from service import Author, one_of

from readiness_kit.harness.users import Json


class Browse(SequentialTaskSet):
    """Looks at the latest posts, opens one, goes to its author, and turns the page."""

    user: "Person"

    @tag("read")
    @task
    def latest(self) -> None:
        """List the latest posts."""
        self.found = self.user.list_posts()

    @tag("read")
    @task
    def one(self) -> None:
        """Open one of those that were listed."""
        opened = self.user.open_post(one_of(self.found)["id"] if self.found else None)
        author = opened.get("author") if opened else None
        self.author: Json = author.get("id") if isinstance(author, dict) else None

    @tag("read")
    @task
    def by_the_same_author(self) -> None:
        """Open its author."""
        self.user.open_user(self.author)

    @tag("read")
    @task
    def older(self) -> None:
        """Turn the page, and leave."""
        self.user.list_posts(1)
        self.interrupt(reschedule=False)


class Publish(SequentialTaskSet):
    """Writes a draft, sees it, corrects it, sees the correction, and throws it away."""

    user: "Person"

    @tag("write")
    @task
    def write(self) -> None:
        """Save a draft; leave where that failed."""
        self.draft = self.user.write()
        if self.draft is None:
            self.interrupt(reschedule=False)

    @tag("write")
    @task
    def read_back(self) -> None:
        """Open the own draft: it must be there at once."""
        self.user.read_own(self.draft)

    @tag("write")
    @task
    def correct(self) -> None:
        """Give it another title."""
        self.title = self.user.rewrite(self.draft)

    @tag("write")
    @task
    def read_the_correction(self) -> None:
        """Open it again: the new title must be seen at once."""
        self.user.read_own(self.draft, self.title)

    @tag("write")
    @task
    def throw_away(self) -> None:
        """Delete it, and leave."""
        self.user.remove(self.draft)
        self.interrupt(reschedule=False)


class Person(Author):
    """Takes one journey after the other: three of four only look around."""

    weight = 1
    wait_time = between(1, 4)  # time to think, under stock Locust
    tasks = {Browse: 3, Publish: 1}  # noqa: RUF012 - as Locust declares them

    def on_start(self) -> None:
        """Come in, and see who one is."""
        super().on_start()
        self.look_at_myself()
