"""Everything in a run directory: the journal, its locks, the log, and the reads and writes of each stage."""
