"""Sending deliveries to targets: byte for byte, in order, until they answer."""
