"""The use cases (plan, apply, facts, check, hosts): the only place that wires the parts together."""
