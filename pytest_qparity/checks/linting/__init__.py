"""What an engine will not take, or takes and computes otherwise than the file says, told from the file alone."""
