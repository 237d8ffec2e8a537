"""What data there is: the catalogue, connections, files, and the sample shop."""
