"""What the output tells about the examples."""
