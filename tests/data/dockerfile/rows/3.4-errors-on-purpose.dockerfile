FROM a
ENV D="${X:?must be set}"
ENV E=${Y?}
