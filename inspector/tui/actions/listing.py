"""How the list shows itself, and what is selected in it."""

from inspector.tui.actions.action import Action, Where

LISTING: tuple[Action, ...] = (
    Action(
        "unfold",
        ("l", "right"),
        "Unfold",
        "Show the redeliveries of the event below its first delivery (those of x3).",
        Where.LIST,
        needs_delivery=True,
    ),
    Action(
        "fold",
        ("h", "left"),
        "Fold",
        "Fold the redeliveries under the first of their event again.",
        Where.LIST,
        needs_delivery=True,
    ),
    Action(
        "select",
        ("space",),
        "Select",
        "Select the delivery, or select it no more, and go to the next one. What is selected stays "
        "so under any filter.",
        Where.LIST,
        needs_delivery=True,
        footer=3,
    ),
    Action(
        "select-all",
        ("A",),
        "Select all",
        "Select everything that is listed now, redeliveries that are folded too; with a selection, "
        "drop it.",
    ),
    Action(
        "times",
        ("w",),
        "Times",
        "Show when deliveries came by the clock, or how long ago.",
    ),
    Action(
        "only-marked",
        ("M",),
        "Only marked",
        "List only marked deliveries, or what was listed before.",
    ),
    Action(
        "clear",
        ("z",),
        "Clear",
        "List only what comes from now on. It is a filter (id:>LAST): nothing is deleted.",
    ),
    Action(
        "stop-search",
        (),
        "Stop the search",
        "End a search that still runs, and keep what it has found; the oldest key goes on with it.",
    ),
)
