"""The accounts of an organization, and the user pools of an account: lists, one page per call."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from migrate_mfa.aws.answers import reads
from migrate_mfa.aws.clients import Calls
from migrate_mfa.domain.errors import NotAllowed
from migrate_mfa.domain.failure import ApiError

if TYPE_CHECKING:
    from migrate_mfa.aws.session import Aws

_ACTIVE = "ACTIVE"
_ACCOUNTS_A_PAGE, _POOLS_A_PAGE = 20, 60
"""The largest page of ListAccounts and ListUserPools (API references)."""
_WHO = (
    "Use credentials of the organization's management account, or of an account that is a delegated "
    "administrator, with organizations:ListAccounts."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account of an organization, without its e-mail address."""

    id: str
    name: str
    partition: str
    """Such as `aws` or `aws-cn`."""
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPool:
    """A user pool as ListUserPools names it."""

    id: str
    name: str


class Lists:
    """Pages of lists. Each page has the token of the next one; it is None in the last page."""

    def __init__(self, aws: "Aws") -> None:
        self._calls = Calls(aws)

    @reads("ListAccounts")
    def accounts(self, token: str | None) -> tuple[list[Account], str | None]:
        """ListAccounts. An empty page need not be the last one (Organizations API reference).

        `State` tells whether an account is active. AWS retires `Status` in September 2026; older endpoints
        have only `Status`.

        Raises:
            ApiError: it failed.
        """
        try:
            page, more = self._page("organizations", "ListAccounts", "Accounts", _ACCOUNTS_A_PAGE, token)
        except ApiError as error:
            raise _of_organization(error) from error
        found = [
            Account(
                id=each["Id"],
                name=each.get("Name", ""),
                partition=each["Arn"].split(":")[1],
                active=(each.get("State") or each["Status"]) == _ACTIVE,
            )
            for each in page
        ]
        return found, more

    @reads("ListUserPools")
    def pools(self, token: str | None) -> tuple[list[ListedPool], str | None]:
        """ListUserPools in the Region of the session.

        Raises:
            ApiError: it failed.
        """
        try:
            page, more = self._page("cognito-idp", "ListUserPools", "UserPools", _POOLS_A_PAGE, token)
        except ApiError as error:
            raise _of_pools(error) from error
        return [ListedPool(id=each["Id"], name=each["Name"]) for each in page], more

    def _page(
        self, service: str, operation: str, member: str, most: int, token: str | None
    ) -> tuple[list[Any], str | None]:
        more = {} if token is None else {"NextToken": token}
        answer = self._calls(service, operation, need=member, MaxResults=most, **more)
        return answer[member], answer.get("NextToken")


def _of_organization(error: ApiError) -> ApiError:
    """The error, with the one that ends the command if Organizations refused."""
    if error.code == "AWSOrganizationsNotInUseException":
        return _ended(error, f"The account of these credentials is in no organization ({error.code}).", _WHO)
    if error.code == "AccessDeniedException":
        return _ended(error, f"These credentials may not list the accounts ({error.code}).", _WHO)
    return error


def _of_pools(error: ApiError) -> ApiError:
    """The error, with the permission that is missing if Cognito refused."""
    if error.code == "AccessDeniedException":
        hint = 'Allow it cognito-idp:ListUserPools on "*".'
        return _ended(error, f"The role may not list the user pools ({error.code}).", hint)
    return error


def _ended(error: ApiError, message: str, hint: str) -> ApiError:
    problem = NotAllowed(message, hint)
    return ApiError(operation=error.operation, code=error.code, status=error.status, problem=problem)
