"""Reports, made from the rows of the journal alone."""
