FROM a
RUN ['a']
RUN [a
CMD ["x"] y
