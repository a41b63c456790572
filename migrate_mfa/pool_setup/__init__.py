"""Make a pool ready for SMS MFA: the changes, the IAM role, and the same as text for other tools."""
