"""The state of one simulated account and Region: pools, users, codes, roles, messages."""
