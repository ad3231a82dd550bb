"""The dashboard, described in Python: ``python -m grafana.dashboard`` writes it as Grafana reads it."""
