"""Measurements, always as ratios of two things timed in turn in one run; `make bench` prints them."""
