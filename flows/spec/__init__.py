"""What a pipeline is, how it is written and how it is said."""

from flows.spec.model import Budget, Defaults, FlowSpec, Notify, Parameter, Retry, Schedule, Step

__all__ = ["Budget", "Defaults", "FlowSpec", "Notify", "Parameter", "Retry", "Schedule", "Step"]
