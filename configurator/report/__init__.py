"""Sinks for events: board, plain lines, summary, JSON Lines, log file; and the wording of errors."""
