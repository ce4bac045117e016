"""Operators and fused patterns, a file each: strategies of their examples, with the oracle's answer beside each."""
