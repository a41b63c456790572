"""The names that AWS gives, and what is in them."""

import re

POOL_ID = re.compile(r"(?P<region>[A-Za-z0-9-]+)_[0-9A-Za-z]+", re.ASCII)
"""The id of a user pool; to be matched as a whole."""
ROLE_ARN = re.compile(r"arn:[\w-]+:iam::(?P<account>\d{12}):role/[\w+=,.@/-]+", re.ASCII)
"""The ARN of an IAM role; to be matched as a whole."""
