mkdir -p t/d; echo new >t/d/x; echo y >t/y
tar --owner=0 --group=0 -cf over.tar -C t .
rm -r t
