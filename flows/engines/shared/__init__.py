"""Steps that tell people something."""
