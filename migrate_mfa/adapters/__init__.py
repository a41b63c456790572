"""One module per outside thing: AWS, the journal, the roster, the clock, the log, the terminal."""
