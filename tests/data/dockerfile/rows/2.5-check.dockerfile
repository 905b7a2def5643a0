# check=skip=LegacyKeyValueFormat
FROM a
ENV a b
CMD x
