# top
FROM a
  # blanks before it
RUN a \
# dropped
  && b # text
RUN echo "# text"
# not continued \
LABEL x=1
