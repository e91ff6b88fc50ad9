"""What is remembered between runs on the controller: log files, learned durations."""
