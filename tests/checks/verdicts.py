"""What tests ask of a verdict."""

from __future__ import annotations


def codes(verdict):
    return [failure.code for failure in verdict.failures]
