"""Make a pool ready for SMS MFA: what to change, the IAM role, the same as files for other tools."""
