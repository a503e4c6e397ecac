"""Which deliveries are listed, and how."""

from inspector.tui.actions.action import Action, Where

CHOOSING: tuple[Action, ...] = (
    Action(
        "filter",
        ("f",),
        "Filter",
        "Show only deliveries that match a query: event:delta.* sig:invalid status:>=500 "
        'data.customerId:cust_1 "free text".',
        footer=1,
        priority=True,
    ),
    Action(
        "filter-here",
        ("slash",),
        "Filter",
        "The same, in the list and in the event types.",
        Where.BROWSING,
        palette=False,
        priority=True,
    ),
    Action(
        "filter.apply",
        ("enter",),
        "Apply",
        "List what matches the text as it stands, whatever is offered below it.",
        Where.FILTER,
        call="apply",
        footer=1,
        palette=False,
    ),
    Action(
        "filter.complete",
        ("tab",),
        "Complete",
        "Take what is offered below the text (the right arrow at its end does it too); with "
        "nothing offered, list all there is.",
        Where.FILTER,
        call="complete",
        footer=1,
        palette=False,
    ),
    Action(
        "filter.up",
        ("up",),
        "Up",
        "Up the list; without one, an older filter of the history.",
        Where.FILTER,
        call="step(-1)",
        footer=1,
        palette=False,
    ),
    Action(
        "filter.down",
        ("down",),
        "Down",
        "Down the list; without one, a newer filter of the history.",
        Where.FILTER,
        call="step(1)",
        footer=1,
        palette=False,
    ),
    Action(
        "filter.leave",
        ("escape",),
        "Leave",
        "Close the list; without one, leave the filter as it was.",
        Where.FILTER,
        call="leave",
        footer=1,
        palette=False,
    ),
    Action(
        "save-view",
        ("S",),
        "Save view",
        "Keep the filter under a name, in views.toml beside the user's config.toml.",
    ),
    Action(
        "views",
        ("V",),
        "Views",
        "Choose one of the named filters, or delete one.",
    ),
    Action(
        "follow",
        ("F",),
        "Follow",
        "Keep the cursor on the newest delivery; any move stops it.",
        footer=2,
    ),
)
