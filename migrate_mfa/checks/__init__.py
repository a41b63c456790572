"""Is the pool ready? A snapshot of it, one file of rules a subject, the permissions."""
