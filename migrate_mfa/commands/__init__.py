"""One file per command, with the command's name: options in, exit code out."""
