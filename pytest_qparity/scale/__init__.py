"""One plan judged in many places: by processes of one machine, by jobs of a CI, by the nodes of a cluster."""
