"""The role of `--role-arn`: botocore assumes it, and again before its credentials expire."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.exceptions import ClientError

from migrate_mfa.domain.errors import NotAllowed

if TYPE_CHECKING:
    from collections.abc import Callable

SESSION_NAME = "migrate-mfa"
_OVER = {"ExpiredToken", "ExpiredTokenException"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role to be assumed, and what its trust policy may ask for."""

    arn: str
    external_id: str | None = None
    session_name: str | None = None

    @classmethod
    def of(cls, arn: str | None, external_id: str | None, session_name: str | None) -> "Role | None":
        """The role that the options name; None where they name none."""
        return None if arn is None else cls(arn=arn, external_id=external_id, session_name=session_name)


class RoleRefused(ClientError):
    """STS refused AssumeRole for the role of `--role-arn`."""

    def __init__(self, error: ClientError, role: Role) -> None:
        super().__init__(error.response, error.operation_name)
        self._role = role

    @property
    def problem(self) -> NotAllowed:
        """The error that ends the command."""
        code = self.response.get("Error", {}).get("Code", "Unknown")
        if code in _OVER:
            return NotAllowed(
                f"The credentials that assume {self._role.arn} have expired ({code}).",
                "Sign in again, then run the same command again to resume.",
            )
        return NotAllowed(
            f"{self._role.arn} was not assumed: AssumeRole was refused ({code}).",
            "Check that its trust policy names your credentials and your --role-external-id, and that your "
            "credentials are allowed sts:AssumeRole on it.",
        )


def assumed(role: Role, source: Any, create_client: "Callable[..., Any]") -> Any:  # noqa: ANN401 - botocore's own
    """Credentials of a role, refreshed when needed: a chained role's session lasts only an hour.

    Args:
        role: whose.
        source: the credentials that assume it.
        create_client: makes a client of STS with given keys, as `botocore.session.Session.create_client`.
    """
    wanted = {"RoleSessionName": role.session_name or SESSION_NAME, "ExternalId": role.external_id}
    fetcher = AssumeRoleCredentialFetcher(
        create_client, source, role.arn, extra_args={name: told for name, told in wanted.items() if told}
    )

    def fetch() -> Any:  # noqa: ANN401 - botocore's own
        try:
            return fetcher.fetch_credentials()
        except ClientError as error:
            raise RoleRefused(error, role) from error

    return DeferredRefreshableCredentials(fetch, "assume-role", _now)


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - botocore compares it with what STS says
