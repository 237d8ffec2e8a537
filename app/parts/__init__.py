"""What pages are made of: graph, Gantt, badges, banners, empty states."""
