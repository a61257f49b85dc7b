"""What a streamed token costs, measured: `make bench`. See docs/performance.md for the method."""
