"""This repository's own cases use the plugin the way a user's would: a place for hooks, and none is needed yet."""
