"""Clients that put load on a server and look at every byte of its answers."""
