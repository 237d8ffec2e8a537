"""Building blocks that the planner composes."""
