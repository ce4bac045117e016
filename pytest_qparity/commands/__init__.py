"""The commands of `qparity`, a module each: its options, and what it does. `cli` starts them."""
