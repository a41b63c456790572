"""The IAM user or role whose policies apply to a caller, from the caller's STS ARN."""

from dataclasses import dataclass

USER, ROLE = "user", "role"


@dataclass(frozen=True, slots=True)
class Principal:
    """An IAM user or role. A role's `arn` lacks its path, which STS does not return: see `role_name`."""

    kind: str
    arn: str

    @property
    def role_name(self) -> str:
        """The role's name, for GetRole."""
        return self.arn.rpartition("/")[2]


def principal_of(arn: str) -> Principal | None:
    """The user or role behind a caller; None for the root user and federated users.

    `arn:aws:sts::123456789012:assumed-role/NAME/SESSION` is the role NAME ("IAM identifiers", IAM User
    Guide).
    """
    head, _, resource = arn.rpartition(":")
    kind, _, name = resource.partition("/")
    if kind == USER and name:
        return Principal(USER, arn)
    if kind == "assumed-role" and name:
        owner = head.replace(":sts:", ":iam:", 1)
        return Principal(ROLE, f"{owner}:role/{name.partition('/')[0]}")
    return None
