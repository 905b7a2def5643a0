FROM a
USER 1000
USER name:group
