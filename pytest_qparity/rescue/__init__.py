"""The smallest set of nodes to keep float: what to change of a run so that it passes the gate."""
