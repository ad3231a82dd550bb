"""What a Prometheus and a Grafana need to watch reply-milter: see README.md."""
