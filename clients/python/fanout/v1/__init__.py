"""Generated from proto/fanout/v1 by scripts/lib/generate-python."""
