FROM a
ENV A=ghp_abcdefghijklmnopqrstuvwxyz0123456789 B=ghp_short C=xghp_abcdefghijklmnopqrstuvwxyz0123456789
ARG D="-----BEGIN RSA PRIVATE KEY-----" E=https://user:glpat-abcdefghijklmnopqrst@gitlab.example
LABEL aws=AKIAABCDEFGHIJKLMNOP not=AKIA
ARG F=${D}
