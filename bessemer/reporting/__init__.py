"""Reports: the typed StageReport, and the pages made from it and from nothing else."""
