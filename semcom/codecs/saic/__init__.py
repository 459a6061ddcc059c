"""A compact learned transform codec, trained for pixels, for perception or for a task (SAIC)."""
