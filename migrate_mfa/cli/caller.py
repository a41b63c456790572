"""The options of every command that calls AWS: the pool, the endpoint and Region, the credentials."""

from dataclasses import dataclass
from typing import Annotated

from migrate_mfa.cli import option_values
from migrate_mfa.cli.options import Group, Only, Option
from migrate_mfa.domain.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Pool(Group, heading="AWS"):
    """Which user pool."""

    user_pool_id: Annotated[
        str | None, Option(help="Id of the user pool, such as ap-northeast-1_AbCdEfGhI.", metavar="ID")
    ] = None


@dataclass(frozen=True, kw_only=True)
class Aws(Group, heading="AWS"):
    """Endpoint, Region and credentials."""

    profile: Annotated[
        str | None,
        Option(
            help="Profile of the AWS CLI (also from AWS_PROFILE).", metavar="NAME", variables=("AWS_PROFILE",)
        ),
    ] = None
    region: Annotated[
        str | None,
        Option(
            help="AWS Region (default: the pool's; also from AWS_REGION or AWS_DEFAULT_REGION).",
            metavar="REGION",
            variables=("AWS_REGION", "AWS_DEFAULT_REGION"),
        ),
    ] = None
    endpoint_url: Annotated[
        str | None,
        Option(
            help="Endpoint of all AWS services, such as a simulator's (also from AWS_ENDPOINT_URL).",
            metavar="URL",
            variables=("AWS_ENDPOINT_URL",),
            callback=option_values.usable_endpoint,
        ),
    ] = None
    role_arn: Annotated[
        str | None,
        Option(
            help="IAM role to assume with your credentials. It is renewed before its session ends.",
            metavar="ARN",
            parser=option_values.role_arn,
        ),
    ] = None
    role_external_id: Annotated[
        str | None,
        Option(
            help="External id that the role's trust policy requires.",
            metavar="ID",
            parser=option_values.external_id,
        ),
    ] = None
    role_session_name: Annotated[
        str | None,
        Option(
            help="Name of the role's session in CloudTrail (default: migrate-mfa).",
            metavar="NAME",
            parser=option_values.session_name,
        ),
    ] = None

    def __post_init__(self) -> None:
        """Refuse options of a role if no role is given."""
        alone = next(
            (each for each in ("role_external_id", "role_session_name") if getattr(self, each)), None
        )
        if self.role_arn is None and alone is not None:
            raise UsageError(
                f"--{alone.replace('_', '-')} is given without --role-arn.", "Name the role too."
            )

    @property
    def caller(self) -> tuple[str, ...]:
        """The options with which another command uses the same caller."""
        names = ("profile", "role_arn", "role_external_id", "role_session_name")
        told = {f"--{name.replace('_', '-')}": getattr(self, name) for name in names}
        return tuple(word for flag, value in told.items() if value for word in (flag, value))


AwsForS3 = Annotated[Aws, Only("profile", "region", "endpoint_url")]
"""For commands that call only S3, and only for a run directory in a bucket."""
