"""Protocol code: values in, values out. No I/O, no clock, no randomness.

Whoever calls in brings the bytes, the time and the ids.
"""
