"""config.yaml and every other YAML file: values with source positions, and diagnostics as values."""
