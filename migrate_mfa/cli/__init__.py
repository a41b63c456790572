"""How the tool is told and how it speaks: options, job files, help, questions, tables.

Typer is here and in `main`.
"""
