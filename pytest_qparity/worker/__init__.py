"""Workers: processes that run what is not trusted, within limits. Import the module you need; this one imports none."""
