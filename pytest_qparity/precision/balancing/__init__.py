"""The float model rewritten ahead of quantization: it computes the same, and loses less by rounding."""
