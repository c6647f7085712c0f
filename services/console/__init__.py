"""The browsers' gateway: one page, one stream a browser, no state that outlives it."""
