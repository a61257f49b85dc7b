"""A worker in a cluster of NVIDIA Dynamo: it offers the bridge's models to Dynamo's frontends. Experimental.

It is a door as HTTP and gRPC are: the same handlers, templates and parsers, another wire.
"""
