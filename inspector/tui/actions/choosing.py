"""Which deliveries are listed, and how."""

from inspector.tui.actions.action import Action

CHOOSING: tuple[Action, ...] = (
    Action(
        "filter",
        ("slash", "f"),
        "Filter",
        "Show only deliveries that match a query: event:delta.* sig:invalid status:>=500 "
        'data.customerId:cust_1 "free text". Enter applies it, Esc leaves it as it was.',
        footer=1,
        priority=True,
    ),
    Action(
        "follow",
        ("F",),
        "Follow",
        "Keep the cursor on the newest delivery; any move stops it.",
        footer=1,
    ),
)
