"""The partition in the ARNs of a Region (AWS General Reference, "Amazon Resource Names (ARNs)")."""

_PREFIXES = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
    "eusc-": "aws-eusc",
}


def partition_of(region: str) -> str:
    """Give the partition that a Region belongs to; `aws` for a Region of no other."""
    return next((name for prefix, name in _PREFIXES.items() if region.startswith(prefix)), "aws")
