"""Reports, made only from the journal."""
