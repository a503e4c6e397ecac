"""Help, palette, and the ways out."""

from inspector.tui.actions.action import Action, Where

LEAVING: tuple[Action, ...] = (
    Action("help", ("question_mark",), "Help", "Every key and what it does.", footer=1),
    Action(
        "palette",
        ("ctrl+p",),
        "Palette",
        "Find an action by its name.",
        Where.EVERYWHERE,
        call="command_palette",
        palette=False,
    ),
    Action("quit", ("q",), "Quit", "Leave the UI at once, without asking.", footer=1),
    Action(
        "interrupt",
        ("ctrl+c",),
        "Quit",
        "Leave from everywhere, whatever has the focus.",
        Where.EVERYWHERE,
        call="interrupt",
        palette=False,
        priority=True,
    ),
)
