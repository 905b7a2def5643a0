FROM a
HEALTHCHECK --interval=1m30s --timeout=3s --start-period=1s --start-interval=5s --retries=2 CMD curl -f x
