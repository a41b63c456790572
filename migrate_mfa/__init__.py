"""Enrol existing Amazon Cognito users in SMS multi-factor authentication.

Planned, rate-limited, checkpointed and reversible.
"""

__version__ = "0.1.0"
