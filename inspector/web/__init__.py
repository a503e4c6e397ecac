"""The UI in a browser: textual-serve's page and protocol, behind a door of our own."""
