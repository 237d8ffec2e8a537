"""Steps on AWS."""
