FROM alpine
RUN []word
CMD []word
