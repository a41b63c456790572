"""How the tool is told and how it speaks: job files, help, questions, tables. Typer is here and in `main`."""
