# check=skip=all
FROM a as Build
ENV a b
CMD x
