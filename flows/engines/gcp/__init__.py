"""Steps on Google Cloud."""
