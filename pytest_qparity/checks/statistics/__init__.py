"""What may be concluded from scores of the same samples: tests, intervals, sample sizes. No engine, no case file."""
