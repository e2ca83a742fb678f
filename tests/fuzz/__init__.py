"""Whatever comes in: properties that hold for any input, looked for by machine."""
