"""The bridge to OpenTelemetry. Only this package imports it."""
