"""An n-gram language model of Python's own help texts: it truly samples, and knows nothing else.

Rule: nothing in this package knows Triton; `model.py` beside it does.
"""
