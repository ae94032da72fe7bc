"""From the bytes or characters of a record to clean text."""
