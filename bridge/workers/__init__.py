"""Several processes on the same two ports, and the parent that keeps them running.

The kernel hands each connection to one of them; they share nothing but the counts behind the metrics.
"""
