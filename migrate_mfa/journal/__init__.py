"""All that a run directory holds: the journal, its locks, the log, what each stage writes and reads."""
