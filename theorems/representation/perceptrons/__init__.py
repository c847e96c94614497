"""What single units and small networks compute."""
