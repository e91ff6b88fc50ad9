"""What runs on the host: message loop, System, SimulatedSystem, guard. Standard library only."""
