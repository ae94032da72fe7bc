"""Personal data in texts: each kind is found by a pattern, then checked by what the pattern cannot say.

Registries, check digits and numbering plans decide, because documentation is full of version numbers, sections, dates
and ISBNs that look like the real thing. ``docs/personal-data.md`` has what that comes to.
"""
