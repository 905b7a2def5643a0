FROM a
CMD ["c"]
ENTRYPOINT ["e"]
