"""The command line: options, job files, help, questions, tables.

Only this package and `main` import Typer.
"""
