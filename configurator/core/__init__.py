"""The engine: graph, scheduler, results, events, errors. Standard library only, no I/O."""
