"""The sandbox: a real deployment of a real service, in one command and on loopback alone.

``lifecycle`` starts and stops it, ``supervisor`` owns its processes, ``stack`` puts them together.
"""
