"""The composition root: from settings to clock, AWS, journal and engine."""
