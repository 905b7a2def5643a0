FROM a
SHELL ["/bin/bash", "-ec"]
RUN x
CMD y
HEALTHCHECK CMD z
