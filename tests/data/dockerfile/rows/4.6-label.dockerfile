FROM a
LABEL a=1 "b c"="d e"
LABEL a legacy form
