"""What users import: the field's names over the engine."""
