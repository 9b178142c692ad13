"""The sandbox: a real deployment of a real service, in one command and on loopback alone.

:mod:`~readiness_kit.sandbox.lifecycle` starts and stops it, :mod:`~readiness_kit.sandbox.supervisor`
owns its processes, :mod:`~readiness_kit.sandbox.stack` puts them together.
"""
