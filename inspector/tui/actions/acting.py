"""What is done with deliveries."""

from inspector.tui.actions.action import Action, Where

ACTING: tuple[Action, ...] = (
    Action(
        "resend",
        ("r",),
        "Re-send",
        "Send the delivery to its targets again, byte for byte.",
        needs_delivery=True,
        footer=1,
    ),
    Action(
        "re-sign",
        ("R",),
        "Re-sign",
        "Send it again with a fresh signature and timestamp, so that the app's check passes.",
        needs_delivery=True,
        footer=1,
    ),
    Action(
        "edit",
        ("e",),
        "Edit",
        "Edit the request and send it as a new delivery; a held one is sent edited in its place.",
        needs_delivery=True,
        footer=2,
    ),
    Action(
        "edit-outside",
        ("E",),
        "Edit in $EDITOR",
        "Edit it in the editor that VISUAL or EDITOR names, then look at it and send it.",
        needs_delivery=True,
    ),
    Action(
        "send-to",
        ("o",),
        "Send to",
        "Send it to another target, once: a port or a URL. Its state stays as it is.",
        needs_delivery=True,
    ),
    Action(
        "trigger",
        ("t",),
        "Trigger",
        "Send a signed sample of a catalogue event to this listener.",
        footer=2,
    ),
    Action(
        "mark",
        ("m",),
        "Mark",
        "Mark the delivery, or take its mark away; is:marked finds them.",
        needs_delivery=True,
        footer=3,
    ),
    Action(
        "note",
        ("c",),
        "Note",
        "Write a note to the delivery, or change it.",
        needs_delivery=True,
    ),
    Action(
        "breakpoint",
        ("B",),
        "Breakpoint",
        "Hold deliveries that match a query instead of sending them; an empty one ends it.",
    ),
    Action(
        "release",
        ("n",),
        "Release",
        "Let the held delivery under the cursor go to its targets, else the oldest held one.",
        Where.LIST,
    ),
    Action(
        "release-all",
        (),
        "Release all",
        "Let all held deliveries go, oldest first.",
    ),
    Action(
        "copy-event-id",
        ("y",),
        "Copy",
        "Copy the event id (the delivery's id where it has none), through the terminal.",
        needs_delivery=True,
        footer=3,
    ),
)
