"""Files as nobody should make them, brought through every door: `make fuzz`."""
