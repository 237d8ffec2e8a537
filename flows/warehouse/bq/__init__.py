"""The BigQuery side of the warehouse room: which project, its jobs, its names, its writes and its routines."""
