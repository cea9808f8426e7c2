"""Telling people of alerts: who is told (``config``), what is still to be sent (``outbox``), how (``channels``), and when (``service``)."""
