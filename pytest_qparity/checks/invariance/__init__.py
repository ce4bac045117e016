"""Invariance: ways of running the same samples that must give the same outputs, without any label."""
