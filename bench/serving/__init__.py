"""Evidence on servers: nothing lost or mixed up, other servers beside ours, the twin's error."""
