# check=skip=LegacyKeyValueFormat, fromascasing
FROM a as build
ENV a b
CMD x
