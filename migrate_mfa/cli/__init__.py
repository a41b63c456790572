"""The command line: options, job files, help, questions, tables.

Typer is here and in `main`.
"""
