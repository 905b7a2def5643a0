for i in a1 a2 b1 b2 c; do echo $i >$i; done
