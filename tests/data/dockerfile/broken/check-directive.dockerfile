# check=frob=x
FROM alpine
