"""Orchestration: the parts that know that there are runs. Stages are reached as processes, never as imports."""
