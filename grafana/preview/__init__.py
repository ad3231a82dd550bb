"""The panels' data in a picture, where no Grafana is at hand."""
