#!/bin/sh
# Ticks.
while true; do
    sleep "${TICKER_INTERVAL:-30}"
done
