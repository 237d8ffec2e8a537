"""The few icons we draw ourselves, as strokes on a 24 by 24 grid: they need no font, in a notebook as little as in a shadow root."""

from __future__ import annotations

# named like Material Symbols, so that one name serves Streamlit's markdown and our own drawings
ICONS = {
    # kinds of steps
    "download": "M12 4v10M8 10.5l4 4 4-4M5 15v3a2 2 0 0 0 2 2h10a2 2 0 0 0 2-2v-3",
    "tune": "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.8v4.4M9 14.8v4.4M4 12h5M13 12h7M11 9.8v4.4",
    "code": "M8.5 7 4 12l4.5 5M15.5 7 20 12l-4.5 5M13.2 5l-2.4 14",
    "fact_check": "M4 7l1.6 1.6L8.6 5.6M4 16l1.6 1.6 3-3M12 7.5h8M12 16.5h8",
    "database": "M5 6.5C5 4.8 8.1 3.8 12 3.8s7 1 7 2.7-3.1 2.7-7 2.7-7-1-7-2.7zM5 6.5v11c0 1.7 3.1 2.7 7 2.7s7-1 7-2.7v-11"
                "M5 12c0 1.7 3.1 2.7 7 2.7s7-1 7-2.7",
    "description": "M7 3.5h7l4.5 4.5v11a1.5 1.5 0 0 1-1.5 1.5H7A1.5 1.5 0 0 1 5.5 19V5A1.5 1.5 0 0 1 7 3.5zM14 3.5V8h4.5M9 13h6"
                   "M9 16.5h6",
    "terminal": "M5 5h14a1.5 1.5 0 0 1 1.5 1.5v11A1.5 1.5 0 0 1 19 19H5a1.5 1.5 0 0 1-1.5-1.5v-11A1.5 1.5 0 0 1 5 5z"
                "M7 9.5l2.5 2.5L7 14.5M12.5 15H17",
    "hourglass_top": "M7 4h10M7 20h10M8 4v3.5L12 12l4-4.5V4M8 20v-3.5L12 12l4 4.5V20",
    "payments": "M4 7.5h14v9H4zM11 10.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6zM20.5 9.5V19H7",
    "extension": "M5 9h3.5V7.5a2 2 0 0 1 4 0V9H17v4h.5a2 2 0 0 1 0 4H17v3H5z",
    "layers": "M12 4l8.5 4.5L12 13 3.5 8.5zM4.5 12.5 12 16.5l7.5-4M4.5 16 12 20l7.5-4",
    "cloud_download": "M7 16.5a4 4 0 0 1-.5-7.97A5.5 5.5 0 0 1 17 7.6a4.5 4.5 0 0 1 1 8.8M12 11v9M9 17l3 3 3-3",
    "content_copy": "M9 4h9.5A1.5 1.5 0 0 1 20 5.5V16H9zM16 16v2.5A1.5 1.5 0 0 1 14.5 20H5.5A1.5 1.5 0 0 1 4 18.5V9a1 1 0 0 1 1-1h4",
    "person_add": "M9.5 5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM3 19.5c0-3 2.9-4.7 6.5-4.7s6.5 1.7 6.5 4.7zM18.5 8v6M15.5 11h6",
    "mail": "M4 5.5h16v13H4zM4 6.5l8 6 8-6",
    "chat": "M5 4.5h14A1.5 1.5 0 0 1 20.5 6v9a1.5 1.5 0 0 1-1.5 1.5H9L4 20.5V6a1.5 1.5 0 0 1 1-1.5zM8 9h8M8 12.5h5",
    # states
    "check_circle": "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM8 12.2l2.8 2.8L16 9.5",
    "progress_activity": "M12 3.5a8.5 8.5 0 1 1-8.5 8.5",
    "error": "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 7.8v5M12 16v.1",
    "skip_next": "M6 6.5l8 5.5-8 5.5zM17.5 6v12",
    "warning": "M12 4 21 19.5H3zM12 10v4.5M12 17v.1",
    "hourglass_empty": "M7 4h10M7 20h10M8 4v3.5L12 12l4-4.5V4M8 20v-3.5L12 12l4 4.5V20",
    "schedule": "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 7v5.2l3.3 2",
    "autorenew": "M5 12a7 7 0 0 1 12-4.9L19 9M19 4.5V9h-4.5M19 12a7 7 0 0 1-12 4.9L5 15M5 19.5V15h4.5",
    "timer_off": "M9.5 3h5M4.5 5l15 15.5M8 7.5a7.5 7.5 0 0 0 10.3 10.6M11 6a7.5 7.5 0 0 1 8.2 9",
    "stop_circle": "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM9.2 9.2h5.6v5.6H9.2z",
    "help": "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM9.6 9.8a2.4 2.4 0 1 1 3.6 2.1c-.8.5-1.2 1-1.2 1.9M12 16.5v.1",
    "cloud": "M7 18.5a4 4 0 0 1-.5-7.97A5.5 5.5 0 0 1 17 9.6a4.5 4.5 0 0 1 .3 8.9z",
    # controls
    "add": "M12 5.5v13M5.5 12h13",
    "remove": "M5.5 12h13",
    "fit_screen": "M4 9V5.5A1.5 1.5 0 0 1 5.5 4H9M15 4h3.5A1.5 1.5 0 0 1 20 5.5V9M20 15v3.5a1.5 1.5 0 0 1-1.5 1.5H15"
                  "M9 20H5.5A1.5 1.5 0 0 1 4 18.5V15",
    "unfold_less": "M8 4.5l4 4 4-4M8 19.5l4-4 4 4M4.5 12h15",
}
