"""Raw records to documents and quarantine: what the stage ``ingest`` does with the files that the lock pins."""
