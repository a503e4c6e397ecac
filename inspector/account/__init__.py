"""The user's account at a provider, asked over HTTPS: webhooks, and deliveries sent again."""
