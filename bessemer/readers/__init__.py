"""One reader per input format. A reader yields records, unreadable records with a reason, and stated skips."""
