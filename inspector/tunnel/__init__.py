"""The tunnel between a relay and a local listener: deliveries down, the app's answers up."""
