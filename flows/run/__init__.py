"""How a pipeline runs: the plan, the preview that walks it, the Prefect run that walks the same, and the run book."""
