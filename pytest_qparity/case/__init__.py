"""The case file: schema, loading, data sources, the float model. Import the module you need; this one imports none."""
