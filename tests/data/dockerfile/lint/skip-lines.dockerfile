FROM a
# Why this one is right:
# check=skip=LegacyKeyValueFormat
ENV a b
ENV c d
# check=skip=JSONArgsRecommended;experimental=all
FROM a
ENV e f
CMD x
FROM a
CMD x
