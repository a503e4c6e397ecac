"""What each hop of a delivery's way is fit for, and whether a hard request passes it unchanged."""
