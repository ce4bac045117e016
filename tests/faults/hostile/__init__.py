"""Bad ONNX files, made on the spot: what a release gate must survive and must never pass by accident."""
