"""Token files: indexed storage, document order, validation, and the windows that training reads."""
