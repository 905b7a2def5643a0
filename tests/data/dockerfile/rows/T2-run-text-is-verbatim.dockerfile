FROM a
RUN echo \$A "\\" \n '$B' `c` \
  \d
