"""The twin: a queueing simulation of servers that are not at hand, from measured service times."""
