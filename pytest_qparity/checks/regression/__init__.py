"""Whether a run is worse than the baseline's: outputs, accuracy, speed, memory."""
