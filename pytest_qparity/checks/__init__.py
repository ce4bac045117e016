"""Checks: measured values and limits in, a verdict with evidence out. Measuring is apart from judging."""
