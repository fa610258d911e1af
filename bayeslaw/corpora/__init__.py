"""Text sources: where the documents of a language family come from."""
