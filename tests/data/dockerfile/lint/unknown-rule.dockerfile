# check=skip=LegacyKeyValuesFormat,Nothing
FROM a
