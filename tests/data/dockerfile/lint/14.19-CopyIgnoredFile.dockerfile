FROM a AS one
COPY ignored /x
COPY /ignored/deep /x
ADD other ignored /x/
COPY . /x
FROM a
COPY --from=one ignored /x
