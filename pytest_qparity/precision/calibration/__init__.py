"""Calibration: ranges of activations from data in one streaming pass, kept, edited, imported and doubted."""
