chmod 0755 tree tree/sub
