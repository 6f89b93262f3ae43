"""Telling people: from the outbox to deliveries (`planner.py`), through channels (`channels.py`, `webhook.py`), by the
courier (`courier.py`). Not here: what there is to tell (`alerts/timeline.py`)."""
