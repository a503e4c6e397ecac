"""The aiohttp side: capture for senders, API and stream for whoever has the token."""
