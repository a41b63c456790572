"""Settings of a profile that botocore silently ignores, or fails for without naming them."""

import os
from collections.abc import Mapping
from typing import Any

from migrate_mfa.aws.config_files import config_file
from migrate_mfa.domain.errors import UsageError

_NUMBERS = {
    "metadata_service_timeout": "AWS_METADATA_SERVICE_TIMEOUT",
    "metadata_service_num_attempts": "AWS_METADATA_SERVICE_NUM_ATTEMPTS",
    "csm_port": "AWS_CSM_PORT",
}
"""Settings that must be whole numbers, and the variables that override them."""
_COGNITO = "cognito_identity_provider"
_COGNITOS = {_COGNITO, "cognito_identity", "cognito_sync"}


def require_usable(core: Any, profile: str) -> None:  # noqa: ANN401 - botocore's own
    """Refuse values that are not numbers, and a `services` that names no section.

    Args:
        core: the botocore session.
        profile: the profile's name, for messages.

    Raises:
        UsageError: names the setting, and the profile or the variable.
    """
    for name, variable in _NUMBERS.items():
        try:
            core.get_config_variable(name)
        except ValueError as error:
            given = variable if variable in os.environ else _in_profile(name, profile)
            raise UsageError(f"{given} is not a whole number.", "Correct or remove it.") from error
    if not core.get_config_variable("ignore_configured_endpoint_urls"):
        _require_services(core, profile)


def _require_services(core: Any, profile: str) -> None:  # noqa: ANN401 - botocore's own
    name = core.get_scoped_config().get("services")
    if not name:
        return
    services = core.full_config.get("services", {}).get(name)
    if services is None:
        raise UsageError(
            f"{_in_profile('services', profile)} is {name!r}, but there is no section [services {name}].",
            "Correct the name, or remove the setting.",
        )
    for key, found in services.items():
        trouble = _wrong(key, found)
        if trouble:
            raise UsageError(
                f"[services {name}] in {config_file()}, of the profile {profile!r}: {key} {trouble}.", _SHAPE
            )


def _wrong(service: str, found: object) -> str:
    if not isinstance(found, Mapping):
        return "has no settings of its own below it"
    if service.startswith("cognito") and service not in _COGNITOS:
        return f"is no service's name; the one of user pools is {_COGNITO}"
    return ""


_SHAPE = f"It looks like `{_COGNITO} =`, and on the next line, indented, `endpoint_url = https://…`."


def endpoint_source(core: Any, service_id: str, profile: str) -> str:  # noqa: ANN401 - botocore's own
    """Where an endpoint comes from that no option gives: a variable, or a setting of the profile."""
    if os.environ.get("AWS_ENDPOINT_URL"):
        return "AWS_ENDPOINT_URL"
    name = core.get_scoped_config().get("services")
    key = service_id.lower().replace(" ", "_").replace("-", "_")
    if name and core.full_config["services"][name].get(key):
        return f"{key} in [services {name}] of {config_file()} (profile {profile!r})"
    return _in_profile("endpoint_url", profile)


def _in_profile(name: str, profile: str) -> str:
    return f"{name} of the profile {profile!r} in {config_file()}"
