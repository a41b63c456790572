"""A short form of the model, always the same; `make model` is the long one."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings

from tests.model.machine import Operations

TestOperations = Operations.TestCase
TestOperations.settings = settings(
    max_examples=12,
    stateful_step_count=12,
    phases=[Phase.generate],
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
