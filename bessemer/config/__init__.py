"""The typed configuration: params.yaml (identity) and runtime.yaml (execution), one file per section."""
