"""The second pipeline, and networks that compete in it alone."""
