"""The upstream watches, the browsers' streams, and the pages."""
