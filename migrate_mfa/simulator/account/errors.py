"""The one exception that operations raise, and the refusals that several of them share.

Wire shape: HTTP status, header ``x-amzn-errortype`` and a JSON body with ``__type`` and
``message`` (Amazon Cognito user pools API Reference, "Common Errors").
"""

from __future__ import annotations


class CognitoError(Exception):
    """A refusal in the client's view: an error code, a sentence and an HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        """Keep `code` (as in ``Error.Code``), `message` and the HTTP `status`."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def invalid_parameter(message: str) -> CognitoError:
    """Build the InvalidParameterException that says `message`."""
    return CognitoError("InvalidParameterException", message)


def constraint(value: object, member: str, rule: str) -> CognitoError:
    """Build the model-validation refusal of one request member.

    Args:
        value: What was sent, or None for a missing member.
        member: The member's name as in the request, for example ``UserPoolId``.
        rule: What it must satisfy, for example ``Member must not be null``.
    """
    shown = "null" if value is None else f"'{value}'"
    return _constraint(f"Value {shown}", member, rule)


def sensitive_constraint(member: str, rule: str) -> CognitoError:
    """Build the same for a member that the service's model calls sensitive: its value is not repeated."""
    return _constraint("Value", member, rule)


def _constraint(value: str, member: str, rule: str) -> CognitoError:
    name = member[0].lower() + member[1:]
    return invalid_parameter(
        f"1 validation error detected: {value} at '{name}' failed to satisfy constraint: {rule}"
    )


def no_such_user() -> CognitoError:
    """Build the answer to a Username that names nobody."""
    return CognitoError("UserNotFoundException", "User does not exist.")


def no_such_pool(pool_id: str) -> CognitoError:
    """Build the answer to a well-formed id of no pool."""
    return CognitoError("ResourceNotFoundException", f"User pool {pool_id} does not exist.")


def alias_taken(attribute: str) -> CognitoError:
    """Build the answer to an e-mail address or number that another user signs in with."""
    return CognitoError("AliasExistsException", f"An account with the given {attribute} already exists.")
