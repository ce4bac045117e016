"""Engines that run an ONNX file, one file each, behind one protocol."""
