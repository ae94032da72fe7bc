"""Pretraining: one loop, any strategy, checkpoints that can be trusted."""
