"""Phone rules: what is written, in which country, and which number it is."""
