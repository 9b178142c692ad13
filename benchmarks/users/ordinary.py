"""A scenario of this kit with an ordinary Locust task."""

from locust import task

from readiness_kit.harness.users import OpenUser


class Ordinary(OpenUser):
    @task
    def fetch(self) -> None:
        self.client.get("/")
