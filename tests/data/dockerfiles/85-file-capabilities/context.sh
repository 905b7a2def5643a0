cp "$PROBE" probe
