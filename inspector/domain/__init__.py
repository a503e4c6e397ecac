"""The pure core: what a delivery is, and what is true of it. No loop, socket, clock or database."""
