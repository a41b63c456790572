"""ARNs have the partition of the Region: what the simulator speaks, and what the tool makes of it."""

from pathlib import Path

import botocore.session
import pytest

from migrate_mfa.checks.iam_policy import in_own_partition
from migrate_mfa.checks.iam_policy import partition_of as partition_of_the_tool
from migrate_mfa.pool_setup.role import role_for
from migrate_mfa.simulator.account.partitions import partition_of
from migrate_mfa.simulator.files.poolfile import load_world

REGIONS = [
    ("ap-northeast-1", "aws"),
    ("us-gov-west-1", "aws-us-gov"),
    ("cn-north-1", "aws-cn"),
    ("us-iso-east-1", "aws-iso"),
    ("us-isob-east-1", "aws-iso-b"),
    ("eu-isoe-west-1", "aws-iso-e"),
    ("us-isof-south-1", "aws-iso-f"),
    ("eusc-de-east-1", "aws-eusc"),
]


def test_the_partitions_are_those_of_the_sdk() -> None:
    session = botocore.session.get_session()

    for region, partition in REGIONS:
        assert session.get_partition_for_region(region) == partition
        assert partition_of(region) == partition_of_the_tool(region) == partition
    assert {partition for _, partition in REGIONS} == set(session.get_available_partitions())


@pytest.mark.parametrize(("region", "partition"), REGIONS)
def test_every_arn_of_the_simulator_is_of_the_regions_partition(region: str, partition: str) -> None:
    pool = {"id": f"{region}_Some00001", "name": "some", "users": []}
    world = load_world({"region": region, "pools": [pool]}, Path())
    own = f"arn:{partition}:"

    assert world.caller_arn.startswith(own)
    assert world.arn(str(pool["id"])).startswith(own)
    assert world.roles.arn("some").startswith(own)
    assert world.roles.is_managed(f"{own}iam::aws:policy/AmazonSNSFullAccess")
    assert not world.roles.is_managed("arn:aws-other:iam::aws:policy/AmazonSNSFullAccess")


@pytest.mark.parametrize(("region", "partition"), REGIONS)
def test_so_is_the_role_that_is_made_also_where_an_endpoint_knows_one_partition(
    region: str, partition: str
) -> None:
    shown = f"arn:aws:cognito-idp:{region}:123456789012:userpool/{region}_Some00001"

    role = role_for(in_own_partition(shown))

    assert role.arn.startswith(f"arn:{partition}:iam::123456789012:role/")
    assert f"'arn:{partition}:cognito-idp:{region}:" in str(role.trust)
