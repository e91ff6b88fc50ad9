"""Sinks for events: board, plain lines, summary, JSON Lines, JUnit, log file; and the wording of errors."""
