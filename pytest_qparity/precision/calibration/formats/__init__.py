"""Files of ranges, one format each: this project's own, and those of the tools that people come from."""
