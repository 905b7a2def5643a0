mkdir -p t/d; echo new >t/d/x; tar --owner=0 --group=0 -cf t.tar -C t d; rm -r t
