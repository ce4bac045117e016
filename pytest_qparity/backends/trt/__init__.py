"""TensorRT 10 and 11, by one strongly typed path. Only `backend` is imported outside of a session's worker."""
