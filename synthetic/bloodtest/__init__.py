"""Sample deliveries of blood tests."""
