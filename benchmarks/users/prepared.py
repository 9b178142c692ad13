"""A scenario of this kit with a prepared request."""

from locust import task

from readiness_kit.harness.users import FastLaneUser


class Prepared(FastLaneUser):
    @task
    def fetch(self) -> None:
        self.fast("GET", "/")
