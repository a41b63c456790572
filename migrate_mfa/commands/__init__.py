"""A file a verb, named as it: options in, exit code out."""
