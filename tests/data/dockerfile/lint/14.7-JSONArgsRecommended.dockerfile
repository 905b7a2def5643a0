FROM a
CMD echo x
FROM a
ENTRYPOINT echo x
FROM a
SHELL ["/bin/bash", "-c"]
CMD echo x
FROM a AS shell
SHELL ["/bin/bash", "-c"]
FROM shell
CMD echo x
FROM a
CMD ["echo", "x"]
ENTRYPOINT []
HEALTHCHECK CMD echo x
