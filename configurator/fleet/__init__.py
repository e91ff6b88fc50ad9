"""Many hosts at once: one engine task per host."""
