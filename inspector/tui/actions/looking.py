"""What is looked at: panes, tabs, and how the detail shows itself."""

from inspector.tui.actions.action import Action, Where

LOOKING: tuple[Action, ...] = (
    Action(
        "open",
        ("enter",),
        "Open",
        "Go to the detail of the delivery under the cursor; following stops.",
        Where.LIST,
        needs_delivery=True,
        footer=2,
    ),
    Action(
        "back",
        ("escape",),
        "Back",
        "Back to the list; there, drop the filter.",
        palette=False,
    ),
    Action(
        "next-pane",
        ("tab",),
        "Next pane",
        "Go to the next pane: event types, list, detail.",
        palette=False,
    ),
    Action(
        "previous-pane",
        ("shift+tab",),
        "Previous pane",
        "Go to the previous pane.",
        palette=False,
    ),
    Action("tab.1", ("1",), "Envelope", "The decoded fields, with their documentation."),
    Action("tab.2", ("2",), "Headers", "The headers in order, duplicates included."),
    Action("tab.3", ("3",), "Body", "The body, pretty, raw or as hex."),
    Action("tab.4", ("4",), "Signature", "The verdict on the signature, and why."),
    Action("tab.5", ("5",), "Attempts", "Each sending and what the target answered."),
    Action(
        "search",
        ("slash",),
        "Search",
        "Find a text in the tab that is shown, in any case. Enter goes on at what was found, Esc "
        "ends the search.",
        Where.DETAIL,
    ),
    Action("next-match", ("n",), "Next match", "What the search found next.", Where.DETAIL),
    Action("previous-match", ("N",), "Previous match", "What it found before.", Where.DETAIL),
    Action(
        "next-delivery",
        ("J",),
        "Next delivery",
        "The next older delivery, staying in the detail.",
        Where.DETAIL,
        needs_delivery=True,
    ),
    Action(
        "previous-delivery",
        ("K",),
        "Previous delivery",
        "The next newer delivery, staying in the detail.",
        Where.DETAIL,
        needs_delivery=True,
    ),
    Action(
        "body-mode",
        ("v",),
        "Body view",
        "Switch the body between pretty, raw and hex.",
        needs_delivery=True,
    ),
    Action(
        "load-body",
        ("b",),
        "Load body",
        "Fetch a large body, which is not loaded by itself.",
        needs_delivery=True,
    ),
    Action(
        "reveal",
        ("s",),
        "Show secrets",
        "Show or mask the values of Authorization, Cookie and their like.",
        needs_delivery=True,
    ),
)
