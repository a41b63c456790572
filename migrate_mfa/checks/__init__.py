"""Is the pool ready? A snapshot of it, one file of rules per subject, and the permissions."""
