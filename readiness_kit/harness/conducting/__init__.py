"""The parent's side: makes the plan, starts the generators, joins what they say, decides.

Nothing here imports Locust: it runs in a notebook kernel, under papermill and in a plain thread.
"""
