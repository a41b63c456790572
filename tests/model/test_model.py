"""A short form of the model; `make model` is the long one."""

from hypothesis import HealthCheck, settings

from tests.model.machine import Operations

Operations.TestCase.settings = settings(
    max_examples=8, stateful_step_count=12, deadline=None, derandomize=True, database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
TestOperations = Operations.TestCase
