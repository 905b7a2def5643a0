FROM a
ENV X=1 A='$X' B="$X" C=\$X D="\$X" E='a b'"c d"\ e
