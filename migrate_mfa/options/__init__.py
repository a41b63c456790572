"""The options of all commands, in groups: typed values that say how the command line names them."""
