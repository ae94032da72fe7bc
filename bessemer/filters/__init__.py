"""What is measured of a document and what is decided about it: language, signals, classifier, leaks, rules, PII."""
