"""The weights of a quantized file held against those of the float model that it is said to be of."""
