"""Phone rules: from the text of a cell and a country to a number."""
