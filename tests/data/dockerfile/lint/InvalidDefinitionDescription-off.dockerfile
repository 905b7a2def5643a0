# version of all
ARG VERSION=1
FROM a AS Build
