"""Users of stock Locust: fetch one path, as often as they can or after a pause."""

import os

from locust import FastHttpUser, HttpUser, constant, task

PAUSE_S = float(os.environ.get("PAUSE", "0"))


class Fast(FastHttpUser):
    insecure = True
    wait_time = constant(PAUSE_S)

    @task
    def fetch(self) -> None:
        self.client.get("/")


class Plain(HttpUser):
    wait_time = constant(PAUSE_S)

    @task
    def fetch(self) -> None:
        self.client.get("/")
