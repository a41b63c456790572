from typing import Any

from migrate_mfa import __version__
from migrate_mfa.aws.session import Aws, AwsTarget


def test_a_client_says_who_it_is_and_never_retries_by_itself() -> None:
    aws = Aws(AwsTarget(user_pool_id="ap-northeast-1_AbCdEfGhI"))

    config: Any = aws.client("sts").meta.config

    assert config.user_agent.startswith(f"migrate-mfa/{__version__} Boto3/")
    assert config.retries["total_max_attempts"] == 1
