"""The AWS query protocol: requests are forms, answers XML ("AWS Query protocol" of IAM, SNS and STS)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from migrate_mfa.simulator.account.errors import CognitoError
from migrate_mfa.simulator.server.call import Reply

if TYPE_CHECKING:
    from collections.abc import Mapping

XML = "text/xml"


class Entries(dict[str, str]):
    """A map, which is written as `entry` elements; other dictionaries are structures."""


def read_form(body: bytes) -> dict[str, str]:
    """Read a request; members of lists stay flat, as `ActionNames.member.1`."""
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def listed(params: Mapping[str, str], member: str) -> list[str]:
    """Give a list member of a request, in order."""
    found: list[str] = []
    while (value := params.get(f"{member}.member.{len(found) + 1}")) is not None:
        found.append(value)
    return found


def required(params: Mapping[str, str], member: str) -> str:
    """Give a member of a request.

    Raises:
        CognitoError: ValidationError if it is missing or empty.
    """
    value = params.get(member)
    if not value:
        raise CognitoError("ValidationError", f"Value null at '{member}' failed: Member must not be null")
    return value


def xml_reply(action: str, document: Mapping[str, Any], seq: int) -> Reply:
    """Build a successful reply."""
    body = f"<{action}Result>{_element(document)}</{action}Result>"
    metadata = f"<ResponseMetadata><RequestId>{seq:032x}</RequestId></ResponseMetadata>"
    return Reply(200, f"<{action}Response>{body}{metadata}</{action}Response>".encode(), XML)


def xml_error(code: str, message: str, status: int = 400) -> Reply:
    """Build a refusal."""
    error = _element({"Type": "Sender", "Code": code, "Message": message})
    return Reply(status, f"<ErrorResponse><Error>{error}</Error></ErrorResponse>".encode(), XML, code=code)


def _element(value: Any) -> str:  # noqa: ANN401 - answers nest freely
    if isinstance(value, Entries):
        return "".join(
            f"<entry><key>{escape(k)}</key><value>{escape(v)}</value></entry>" for k, v in value.items()
        )
    if isinstance(value, dict):
        return "".join(f"<{name}>{_element(item)}</{name}>" for name, item in value.items())
    if isinstance(value, list):
        return "".join(f"<member>{_element(item)}</member>" for item in value)
    return escape(str(value).lower() if isinstance(value, bool) else str(value))
