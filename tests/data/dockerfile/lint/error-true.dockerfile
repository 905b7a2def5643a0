# check=error=true;skip=CopyIgnoredFile
FROM a
ENV a b
COPY ignored x
