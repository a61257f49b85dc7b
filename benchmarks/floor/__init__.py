"""What no implementation can go below: one send per token, and a gRPC handler that only writes."""
