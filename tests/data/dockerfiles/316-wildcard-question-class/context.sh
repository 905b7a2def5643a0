for i in 1 2 3 10 20; do echo $i >f$i.txt; done
