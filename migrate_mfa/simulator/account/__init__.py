"""What one simulated account and Region holds: pools, users, codes, roles, messages."""
