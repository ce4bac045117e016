"""What was measured of runs, as it is kept beside the sources: to hold later runs against, and to see them change."""
