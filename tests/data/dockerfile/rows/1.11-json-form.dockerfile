FROM a
RUN ["a", "b c"]
CMD [ "x" ]
ENTRYPOINT []
