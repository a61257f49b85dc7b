"""The client's side of gRPC over HTTP/2 (RFC 9113), made for streams of many small messages.

`connection.Connection` is the way in. Bytes in, messages out: no socket, no clock, no task.
"""
