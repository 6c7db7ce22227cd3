"""Pictures: live data that a lesson can draw, one file each; the module's name is the picture's."""
