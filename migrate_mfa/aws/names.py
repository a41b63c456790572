"""Patterns of names that AWS assigns."""

import re

POOL_ID = re.compile(r"(?P<region>[A-Za-z0-9-]+)_[0-9A-Za-z]+", re.ASCII)
"""The id of a user pool; use `fullmatch`."""
ROLE_ARN = re.compile(r"arn:[\w-]+:iam::(?P<account>\d{12}):role/[\w+=,.@/-]+", re.ASCII)
"""The ARN of an IAM role; use `fullmatch`."""
