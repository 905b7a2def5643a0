FROM a
ENV PATH=/x BASE=2 NEW=3
ENV BASE=4
ENV legacy the rest  of it
