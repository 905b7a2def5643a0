FROM a
ENV A=${
RNU x
COPY ${B c /d
USER ${U:?no user}
ENV x y ${
