# check=experimental=InvalidDefinitionDescription

# version of all
ARG VERSION=1
# VERSION2 version of all
ARG VERSION2=1
# some stage
FROM a AS build

# test runs the tests
FROM a AS test

# far away

FROM a AS other
#
FROM a AS empty
# check=skip=JSONArgsRecommended
FROM a AS checked
