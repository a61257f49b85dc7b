"""Workers of the request plane: they offer a Triton's models over NATS."""
