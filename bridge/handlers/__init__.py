"""What the doors call: async, and blind to which door a request came through."""
