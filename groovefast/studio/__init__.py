"""`groovefast-studio`: grooves played, drawn and heard in the browser."""
