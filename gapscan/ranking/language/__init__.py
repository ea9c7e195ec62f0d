"""The expressions of list definitions: parsed, compiled, explained."""
