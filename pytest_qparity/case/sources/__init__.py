"""Sources of samples. Records come from a container (files, rows, a function), a decoder makes arrays of each."""
