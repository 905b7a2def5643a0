FROM a
CMD a $B
FROM a
CMD ["a", "b \"c\""]
FROM a
CMD
